+8613801000001 calls 311
    0:00.0  waits in main1
    0:00.2  leaves main1 after 0.2 s: answered
    0:00.2  talks with PJSIP/1101 (main1)
    0:03.0  PJSIP/1101 is out: talked 1.1 s, 1.7 s on hold
    0:03.0  talks with PJSIP/1103
    0:04.9  PJSIP/1103 is out: talked 1.2 s, 0.8 s on hold
    0:04.9  talks with PJSIP/1102
    0:05.6  PJSIP/1102 is out: talked 0.6 s
    0:05.6  ends: answered, waited 0.2 s
