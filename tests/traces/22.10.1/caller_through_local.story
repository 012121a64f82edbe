(number withheld) calls 501
    0:00.5  waits in q501
    0:00.5  leaves q501 after 0.0 s: answered
    0:00.5  talks with PJSIP/1001 (q501)
    0:02.5  PJSIP/1001 is out: talked 2.0 s
    0:02.5  ends: answered, waited 0.0 s
