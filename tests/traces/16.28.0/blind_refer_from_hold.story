+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:03.5  PJSIP/1001 is out: talked 2.0 s, 1.4 s on hold
    0:03.6  blind transfer from PJSIP/1001 to PJSIP/1002: completed
    0:03.6  talks with PJSIP/1002
    0:05.5  PJSIP/1002 is out: talked 1.9 s
    0:05.5  ends: answered, waited 0.0 s
