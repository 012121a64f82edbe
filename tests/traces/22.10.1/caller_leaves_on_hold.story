+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.1  leaves q501 after 0.1 s: answered
    0:00.1  talks with PJSIP/1001 (q501)
    0:04.0  PJSIP/1001 is out: talked 1.9 s, 2.0 s on hold
    0:04.0  ends: answered, waited 0.1 s
