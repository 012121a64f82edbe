1004 "Agent 1004" calls 1001
    0:00.0  talks with PJSIP/1001
    0:04.2  PJSIP/1001 is out: talked 1.9 s, 2.3 s on hold
    0:04.2  attended transfer from PJSIP/1004 to PJSIP/1002: completed
    0:04.2  talks with PJSIP/1002
    0:06.0  PJSIP/1002 is out: talked 1.9 s
    0:06.1  ends: answered without a queue
