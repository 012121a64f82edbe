+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:02.0  PJSIP/1001 is out: talked 1.9 s
    0:02.0  waits in q502
    0:03.5  blind transfer from PJSIP/1001 to q502: caller left
    0:03.5  leaves q502 after 1.5 s: abandoned
    0:03.5  ends: answered, waited 1.6 s
