+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.4  leaves q501 after 0.4 s: answered
    0:00.4  talks with PJSIP/1001 (q501)
    0:02.3  PJSIP/1001 is out: talked 2.0 s
    0:02.4  ends: answered, waited 0.4 s

02087654321 "Li Si" calls 501
    0:00.0  waits in q501
    0:02.3  leaves q501 after 2.3 s: abandoned
    0:02.3  ends: abandoned, waited 2.3 s
