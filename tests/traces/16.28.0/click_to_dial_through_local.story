1001 "Agent 1001" calls 1002
    0:00.1  talks with PJSIP/1002
    0:02.0  PJSIP/1002 is out: talked 1.9 s
    0:02.0  ends: answered without a queue
