+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:04.5  PJSIP/1001 is out: talked 2.3 s, 2.1 s on hold
    0:04.5  waits in q502
    0:06.0  blonde transfer from PJSIP/1001 to q502: completed
    0:06.0  leaves q502 after 1.5 s: answered
    0:06.0  talks with PJSIP/1002 (q502)
    0:07.9  PJSIP/1002 is out: talked 1.9 s
    0:07.9  ends: answered, waited 1.6 s
