+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:03.9  PJSIP/1001 is out: talked 3.9 s
    0:03.9  ends: answered, waited 0.0 s

1002 "Agent 1002" calls 57
    0:02.3  ends: never left the menus
