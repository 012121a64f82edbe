+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:01.0  leaves q501 after 1.0 s: timeout
    0:01.1  talks with PJSIP/1002
    0:02.9  PJSIP/1002 is out: talked 1.9 s
    0:03.0  ends: answered, waited 1.0 s
