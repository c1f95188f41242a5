from __future__ import annotations

import pytest

from ingest.language import SURE, language, passage_language

TEXTS = {
    "en": "The employees may carry over the days that are left to the next year if the manager has approved of it.",
    "de": "Die Mitarbeiter dürfen die Tage, die nicht genommen sind, mit Genehmigung in das nächste Jahr übertragen.",
    "fr": "Les employés peuvent reporter les jours qui ne sont pas pris dans une année sur la suivante.",
    "es": "Los empleados pueden trasladar al año siguiente los días de vacaciones que no hayan disfrutado.",
    "it": "I dipendenti possono riportare all'anno successivo i giorni di ferie che non sono stati goduti.",
    "pt": "Os funcionários podem transferir para o ano seguinte os dias de férias que não foram gozados.",
    "nl": "Werknemers mogen de dagen die zij niet hebben opgenomen meenemen naar het volgende jaar.",
    "sv": "De anställda får föra över de dagar som inte har tagits ut till nästa år om chefen godkänner det.",
    "no": "De ansatte kan overføre dager som ikke er tatt ut, til neste år hvis lederen godkjenner det.",
    "pl": "Pracownicy mogą przenieść niewykorzystane dni urlopu na następny rok za zgodą przełożonego.",
    "cs": "Zaměstnanci mohou nevyčerpané dny dovolené převést do dalšího roku, pokud to vedoucí schválí.",
    "ru": "Работники могут перенести неиспользованные дни отпуска на следующий год с согласия руководителя.",
    "uk": "Працівники можуть перенести невикористані дні відпустки на наступний рік за згодою керівника.",
    "el": "Οι εργαζόμενοι μπορούν να μεταφέρουν τις ημέρες άδειας που δεν έλαβαν στο επόμενο έτος.",
    "tr": "Çalışanlar kullanmadıkları izin günlerini yöneticinin onayıyla bir sonraki yıla aktarabilir.",
    "ar": "يجوز للموظفين نقل أيام الإجازة التي لم يأخذوها إلى السنة التالية بموافقة المدير.",
    "he": "העובדים רשאים להעביר ימי חופשה שלא נוצלו לשנה הבאה באישור המנהל.",
    "hi": "कर्मचारी प्रबंधक की स्वीकृति से बची हुई छुट्टियों को अगले वर्ष में ले जा सकते हैं।",
    "th": "พนักงานสามารถยกวันลาที่ไม่ได้ใช้ไปปีถัดไปได้หากผู้จัดการอนุมัติ",
    "ja": "残った有給休暇は、上長の承認を得れば翌年度に繰り越すことができます。",
    "zh": "经直属经理批准，员工可以把未休完的年假结转到下一年。",
    "ko": "직원은 팀장의 승인을 받으면 남은 휴가를 다음 해로 이월할 수 있습니다.",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_sentence_tells_its_language(code: str) -> None:
    assert language(TEXTS[code]) == code


@pytest.mark.parametrize("text", ["", "   ", "Q3 10-K 274,515 260,174", "2020 2019 2018", "— § %", "zzz qqq " * 50])
def test_figures_and_noise_tell_none(text: str) -> None:
    assert language(text) == ""


def test_figures_around_it_do_not_change_the_language() -> None:
    table = "\n".join(f"{n},515 {n},260 (1.{n}) 31.12.2020" for n in range(300))
    assert language(f"{table}\n{TEXTS['de']}") == "de"


def test_a_few_words_are_not_enough_to_be_sure() -> None:
    assert language("Annual report", at_least=SURE) == ""
    assert language(TEXTS["de"], at_least=SURE) == "de"


def test_most_of_the_text_decides() -> None:
    assert language(f"{TEXTS['en']} {TEXTS['de'] * 4}") == "de"


def test_capitals_do_not_matter() -> None:
    assert language(TEXTS["de"].upper()) == "de"


@pytest.mark.parametrize("document", ["en", "de", "fr", "no", "uk", ""])
@pytest.mark.parametrize("code", TEXTS)
def test_a_passage_is_in_its_own_language_whatever_its_document_is_in(code: str, document: str) -> None:
    assert passage_language(f"{TEXTS[code]} " * 3, document) == code


@pytest.mark.parametrize("text", ["", "Annual report", "Q3 10-K 274,515 260,174", "EBITDA margin"])
def test_a_passage_that_tells_little_is_in_its_documents_language(text: str) -> None:
    assert passage_language(text, "de") == "de"


def test_stop_words_spare_the_counting_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def counts(*_: object, **__: object) -> str:
        raise AssertionError("bytes were counted")

    monkeypatch.setattr("ingest.language.language", counts)
    german = "Die Gesellschaft hat sich auf eine Frist geeinigt, und die Zahlung wird nicht mit dem Lohn verrechnet."
    assert passage_language(german, "de") == "de"
    with pytest.raises(AssertionError):
        passage_language(german, "en")
