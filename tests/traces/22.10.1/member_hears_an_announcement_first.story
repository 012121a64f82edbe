+8613800138000 "张三" calls 8106
    0:00.0  waits in announced
    0:05.5  leaves announced after 5.5 s: answered
    0:05.5  talks with PJSIP/1001 (announced)
    0:07.3  PJSIP/1001 is out: talked 1.8 s
    0:07.3  ends: answered, waited 5.5 s
