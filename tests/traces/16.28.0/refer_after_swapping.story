+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:08.5  PJSIP/1001 is out: talked 4.0 s, 4.5 s on hold
    0:08.5  attended transfer from PJSIP/1001 to PJSIP/1002: completed
    0:08.5  talks with PJSIP/1002
    0:10.4  PJSIP/1002 is out: talked 1.9 s
    0:10.4  ends: answered, waited 0.0 s
