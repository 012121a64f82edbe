+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:01.9  PJSIP/1001 is out: talked 1.9 s
    0:02.0  ends: answered, waited 0.0 s

02087654321 "Li Si" calls 502
    0:00.0  waits in q502
    0:00.0  leaves q502 after 0.0 s: answered
    0:00.0  talks with PJSIP/1002 (q502)
    0:02.0  PJSIP/1002 is out: talked 2.0 s
    0:02.0  ends: answered, waited 0.0 s
