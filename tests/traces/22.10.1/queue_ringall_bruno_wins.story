+8613800138000 "张三" calls 503
    0:00.0  waits in q503
    0:00.0  leaves q503 after 0.0 s: answered
    0:00.0  talks with PJSIP/1002 (q503)
    0:02.0  PJSIP/1002 is out: talked 1.9 s
    0:02.0  ends: answered, waited 0.0 s
