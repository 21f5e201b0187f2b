"""What the simulated company listens for in its calls: trackers and a scorecard, as its `company.toml` holds them."""

LISTENED_FOR = """
[[trackers]]
id = "greeting"
name = "Greeting"
role = "operator"
[trackers.phrases]
en = ["good morning", "good afternoon"]
ru = ["добрый день", "здравствуйте"]
kk = ["қайырлы күн", "сәлеметсіз бе"]
pt = ["bom dia", "boa tarde"]

[[trackers]]
id = "need"
name = "Need asked"
role = "operator"
[trackers.phrases]
en = ["how can i help", "order number"]
ru = ["чем могу помочь", "номер заказа"]
kk = ["қалай көмектесе", "тапсырыс нөмірі"]
pt = ["posso ajudar", "número do pedido"]

[[trackers]]
id = "price"
name = "Price named"
[trackers.phrases]
en = ["delivery costs", "delivery is free"]
ru = ["стоит доставка", "доставка бесплатная"]
kk = ["жеткізу тұрады", "жеткізу тегін"]
pt = ["custa a entrega", "entrega grátis"]

[[trackers]]
id = "next_step"
name = "Next step agreed"
role = "operator"
[trackers.phrases]
en = ["will call you", "will arrive"]
ru = ["позвонит вам", "привезёт завтра"]
kk = ["хабарласады", "ертең жетеді"]
pt = ["vai ligar", "chega amanhã"]

[[scorecards]]
id = "service"
name = "A good call"
criteria = [
  { id = "greets", name = "Greets at once", points = 10, tracker = "greeting", first_seconds = 10 },
  { id = "asks", name = "Asks what is needed", points = 20, tracker = "need" },
  { id = "prices", name = "The price is named", points = 20, tracker = "price" },
  { id = "agrees", name = "Agrees on the next step", points = 30, tracker = "next_step" },
  { id = "listens", name = "Lets the customer talk", points = 10, figure = "talk_ratio", at_most = 0.7 },
  { id = "present", name = "Leaves no dead air", points = 10, figure = "dead_airs", at_most = 0 },
]
"""
