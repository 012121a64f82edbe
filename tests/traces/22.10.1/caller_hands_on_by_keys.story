+8613800138000 "张三" calls 3001
    0:00.0  talks with PJSIP/1001
    0:05.9  PJSIP/1001 is out: talked 2.6 s, 3.3 s on hold
    0:05.9  attended transfer from PJSIP/trunk-queue to PJSIP/1002: completed
    0:06.4  talks with PJSIP/1002
    0:08.1  PJSIP/1002 is out: talked 1.7 s
    0:08.1  ends: answered without a queue
