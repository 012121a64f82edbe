+8613800138000 "张三" calls 800
    0:18.4  ends: never left the menus
