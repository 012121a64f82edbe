+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:06.8  attended transfer from PJSIP/1001 to PJSIP/1002: no answer
    0:08.9  PJSIP/1001 is out: talked 4.2 s, 4.4 s on hold
    0:09.0  ends: answered, waited 0.0 s
