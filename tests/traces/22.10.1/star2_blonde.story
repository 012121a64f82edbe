+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:04.6  PJSIP/1001 is out: talked 2.4 s, 2.2 s on hold
    0:04.6  blonde transfer from PJSIP/1001 to PJSIP/1002: completed
    0:04.6  talks with PJSIP/1002
    0:06.5  PJSIP/1002 is out: talked 1.9 s
    0:06.5  ends: answered, waited 0.0 s
