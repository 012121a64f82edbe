1004 "Agent 1004" calls 1001
    0:00.0  talks with PJSIP/1001
    0:01.9  PJSIP/1001 is out: talked 1.9 s
    0:02.0  blind transfer from PJSIP/1004 to PJSIP/1002: completed
    0:02.0  talks with PJSIP/1002
    0:03.9  PJSIP/1002 is out: talked 1.9 s
    0:03.9  ends: answered without a queue
