+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:07.0  talks with PJSIP/1002
    0:09.3  PJSIP/1001 is out: talked 4.2 s, 5.0 s on hold
    0:09.3  threeway transfer from PJSIP/1001 to PJSIP/1002: completed
    0:11.1  PJSIP/1002 is out: talked 4.1 s
    0:11.1  ends: answered, waited 0.0 s
