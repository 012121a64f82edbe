+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:03.3  PJSIP/1001 is out: talked 1.9 s, 1.4 s on hold
    0:03.3  waits in q502
    0:04.9  blonde transfer from PJSIP/1001 to q502: completed
    0:04.9  leaves q502 after 1.5 s: answered
    0:04.9  talks with PJSIP/1002 (q502)
    0:06.7  PJSIP/1002 is out: talked 1.9 s
    0:06.7  ends: answered, waited 1.5 s
