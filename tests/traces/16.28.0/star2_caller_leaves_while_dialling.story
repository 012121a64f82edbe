+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:02.7  PJSIP/1001 is out: talked 2.3 s, 0.4 s on hold
    0:02.7  ends: answered, waited 0.0 s
