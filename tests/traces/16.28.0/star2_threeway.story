+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:06.0  threeway transfer from PJSIP/1001 to PJSIP/1002: completed
    0:06.4  talks with PJSIP/1002
    0:08.8  PJSIP/1001 is out: talked 4.7 s, 3.7 s on hold
    0:10.6  PJSIP/1002 is out: talked 4.2 s
    0:10.6  ends: answered, waited 0.0 s
