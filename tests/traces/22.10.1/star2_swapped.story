+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:10.0  PJSIP/1001 is out: talked 4.6 s, 5.4 s on hold
    0:10.0  attended transfer from PJSIP/1001 to PJSIP/1002: completed
    0:10.5  talks with PJSIP/1002
    0:12.3  PJSIP/1002 is out: talked 1.8 s
    0:12.3  ends: answered, waited 0.0 s
