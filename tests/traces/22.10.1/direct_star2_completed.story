+8613800138000 "张三" calls 1001
    0:00.0  talks with PJSIP/1001
    0:05.5  PJSIP/1001 is out: talked 2.4 s, 3.1 s on hold
    0:05.5  attended transfer from PJSIP/1001 to PJSIP/1002: completed
    0:06.0  talks with PJSIP/1002
    0:07.8  PJSIP/1002 is out: talked 1.9 s
    0:07.8  ends: answered without a queue
