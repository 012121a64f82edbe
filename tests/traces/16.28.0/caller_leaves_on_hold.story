+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.2  leaves q501 after 0.2 s: answered
    0:00.2  talks with PJSIP/1001 (q501)
    0:04.0  PJSIP/1001 is out: talked 1.9 s, 1.8 s on hold
    0:04.0  ends: answered, waited 0.2 s
