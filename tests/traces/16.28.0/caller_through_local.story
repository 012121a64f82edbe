(number withheld) calls 501
    0:00.5  waits in q501
    0:00.6  leaves q501 after 0.1 s: answered
    0:00.6  talks with PJSIP/1001 (q501)
    0:02.6  PJSIP/1001 is out: talked 2.0 s
    0:02.6  ends: answered, waited 0.1 s
