+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:22.5  PJSIP/1001 is out: talked 4.1 s, 18.3 s on hold
    0:22.5  ends: answered, waited 0.0 s
