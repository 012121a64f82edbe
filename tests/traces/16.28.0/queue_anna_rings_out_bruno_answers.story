+8613800138000 "张三" calls 504
    0:00.0  waits in q504
    0:04.0  leaves q504 after 4.0 s: answered
    0:04.0  talks with PJSIP/1002 (q504)
    0:05.9  PJSIP/1002 is out: talked 1.9 s
    0:05.9  ends: answered, waited 4.0 s
