+8613800138000 "张三" calls 3001
    0:00.0  talks with PJSIP/1001
    0:05.4  PJSIP/1001 is out: talked 2.3 s, 3.1 s on hold
    0:05.4  attended transfer from PJSIP/trunk-queue to PJSIP/1002: completed
    0:05.8  talks with PJSIP/1002
    0:07.6  PJSIP/1002 is out: talked 1.7 s
    0:07.6  ends: answered without a queue
