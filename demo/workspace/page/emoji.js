/** The emoji shortcodes that operations messages use; others stay as typed. */

const TABLE = `
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ negative_squared_cross_mark ❎ no_entry ⛔
no_entry_sign 🚫 warning ⚠️ exclamation ❗ heavy_exclamation_mark ❗ grey_exclamation ❕ question ❓ grey_question ❔ bangbang ‼️
rotating_light 🚨 fire 🔥 boom 💥 bomb 💣 sos 🆘 stop_sign 🛑 octagonal_sign 🛑 construction 🚧 siren 🚨
red_circle 🔴 large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵 large_purple_circle 🟣
large_brown_circle 🟤 white_circle ⚪ black_circle ⚫ radio_button 🔘 large_red_square 🟥 large_green_square 🟩
large_yellow_square 🟨 large_blue_square 🟦 white_large_square ⬜ black_large_square ⬛ small_red_triangle 🔺
information_source ℹ️ bulb 💡 mag 🔍 mag_right 🔎 lock 🔒 unlock 🔓 closed_lock_with_key 🔐 key 🔑 old_key 🗝️ shield 🛡️
wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ gear ⚙️ nut_and_bolt 🔩 toolbox 🧰 link 🔗 chains ⛓️ broken_chain ⛓️‍💥 satellite 📡
floppy_disk 💾 minidisc 💽 cd 💿 file_cabinet 🗄️ card_file_box 🗃️ package 📦 inbox_tray 📥 outbox_tray 📤 wastebasket 🗑️
computer 💻 desktop_computer 🖥️ keyboard ⌨️ electric_plug 🔌 battery 🔋 robot_face 🤖 bug 🐛 beetle 🐞 dna 🧬
page_facing_up 📄 page_with_curl 📃 scroll 📜 memo 📝 pencil ✏️ pencil2 ✏️ clipboard 📋 pushpin 📌 round_pushpin 📍 paperclip 📎
bookmark 🔖 label 🏷️ books 📚 book 📖 notebook 📓 calendar 📅 date 📅 spiral_calendar_pad 🗓️ bar_chart 📊
chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 ledger 📒 newspaper 📰
clock1 🕐 clock2 🕑 clock3 🕒 clock4 🕓 clock9 🕘 clock12 🕛 alarm_clock ⏰ stopwatch ⏱️ timer_clock ⏲️ hourglass ⌛
raising_hand 🙋 hourglass_flowing_sand ⏳ watch ⌚ zzz 💤 bell 🔔 no_bell 🔕 loudspeaker 📢 mega 📣 speech_balloon 💬 thought_balloon 💭
arrow_right ➡️ arrow_left ⬅️ arrow_up ⬆️ arrow_down ⬇️ arrow_up_small 🔼 arrow_down_small 🔽 arrow_forward ▶️ arrow_backward ◀️
leftwards_arrow_with_hook ↩️ arrow_right_hook ↪️ arrows_counterclockwise 🔄 arrows_clockwise 🔃 repeat 🔁 twisted_rightwards_arrows 🔀
rewind ⏪ fast_forward ⏩ double_vertical_bar ⏸️ pause_button ⏸️ black_square_for_stop ⏹️ stop_button ⏹️ black_circle_for_record ⏺️
heavy_plus_sign ➕ heavy_minus_sign ➖ heavy_multiplication_x ✖️ infinity ♾️ recycle ♻️ 100 💯 new 🆕 ok 🆗 cool 🆒 up 🆙 sos 🆘
one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ six 6️⃣ seven 7️⃣ eight 8️⃣ nine 9️⃣ zero 0️⃣ keycap_ten 🔟
+1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 ok_hand 👌 wave 👋 raised_hand ✋ hand ✋ raised_hands 🙌 clap 👏 pray 🙏 muscle 💪
point_right 👉 point_left 👈 point_up ☝️ point_down 👇 eyes 👀 eye 👁️ handshake 🤝 fist ✊ v ✌️ crossed_fingers 🤞 writing_hand ✍️
smile 😄 slightly_smiling_face 🙂 simple_smile 🙂 grinning 😀 joy 😂 wink 😉 blush 😊 thinking_face 🤔 sweat_smile 😅
sunglasses 😎 cry 😢 sob 😭 scream 😱 fearful 😨 neutral_face 😐 face_with_rolling_eyes 🙄 sleeping 😴 exploding_head 🤯
partying_face 🥳 upside_down_face 🙃 hugging_face 🤗 nerd_face 🤓 skull 💀 ghost 👻 heart ❤️ blue_heart 💙 green_heart 💚 broken_heart 💔
tada 🎉 confetti_ball 🎊 balloon 🎈 trophy 🏆 medal 🏅 dart 🎯 star ⭐ star2 🌟 sparkles ✨ zap ⚡ sunny ☀️ cloud ☁️ umbrella ☔ rainbow 🌈
snowflake ❄️ ocean 🌊 earth_asia 🌏 globe_with_meridians 🌐 crescent_moon 🌙 full_moon 🌕 seedling 🌱 herb 🌿 four_leaf_clover 🍀 cherry_blossom 🌸
rocket 🚀 airplane ✈️ car 🚗 truck 🚚 ambulance 🚑 fire_engine 🚒 ship 🚢 anchor ⚓ checkered_flag 🏁 triangular_flag_on_post 🚩
coffee ☕ tea 🍵 beer 🍺 pizza 🍕 cake 🍰 house 🏠 office 🏢 bank 🏦 hospital 🏥 factory 🏭 moneybag 💰 dollar 💵 credit_card 💳 gem 💎
busts_in_silhouette 👥 bust_in_silhouette 👤 technologist 🧑‍💻 cop 👮 detective 🕵️ ninja 🥷 baby 👶 crown 👑 mortar_board 🎓 ear 👂 brain 🧠
camera 📷 movie_camera 🎥 telephone ☎️ phone ☎️ iphone 📱 email 📧 envelope ✉️ incoming_envelope 📨 mailbox 📫 door 🚪 ice_cube 🧊 thermometer 🌡️
test_tube 🧪 petri_dish 🧫 microscope 🔬 telescope 🔭 pill 💊 syringe 💉 adhesive_bandage 🩹 stethoscope 🩺 magic_wand 🪄 puzzle_piece 🧩 jigsaw 🧩
`;

const words = TABLE.trim().split(/\s+/);
const EMOJI = new Map(Array.from({ length: words.length / 2 }, (_, pair) => [words[2 * pair], words[2 * pair + 1]]));

/** The character of a shortcode without its colons, or undefined. */
export const emoji = (name) => EMOJI.get(name);

/** Text with the shortcodes that are known replaced. */
export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji(name) ?? whole);
