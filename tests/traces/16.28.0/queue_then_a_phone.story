+8613800138000 "张三" calls 8101
    0:00.0  waits in q501
    0:03.0  leaves q501 after 3.0 s: timeout
    0:03.0  talks with PJSIP/1002
    0:04.9  PJSIP/1002 is out: talked 1.9 s
    0:04.9  ends: answered, waited 3.0 s
