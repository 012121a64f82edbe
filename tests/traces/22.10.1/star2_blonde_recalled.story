+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:09.6  PJSIP/1001 is out: talked 2.3 s, 7.2 s on hold
    0:09.6  blonde transfer from PJSIP/1001 to PJSIP/1002: no answer
    0:09.6  talks with PJSIP/1001
    0:11.5  PJSIP/1001 is out: talked 1.9 s
    0:11.5  ends: answered, waited 0.0 s
