+8613800138000 "张三" calls 1001
    0:00.0  talks with PJSIP/1001
    0:05.5  PJSIP/1001 is out: talked 2.3 s, 3.2 s on hold
    0:05.5  attended transfer from PJSIP/1001 to PJSIP/1002: completed
    0:05.9  talks with PJSIP/1002
    0:07.6  PJSIP/1002 is out: talked 1.7 s
    0:07.6  ends: answered without a queue
