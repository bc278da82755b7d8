"""The teacher's key, with two visitors: what one makes or brings, the other sees, stops, hides, shows, deletes."""

import hashlib
import re

from playwright.sync_api import expect
from steering import TEACHERS_KEY, form, goes_on, press, stands, start, steps_done

from cnnlab_core.images import sample_images

BOX = '[data-testid="stPopoverBody"] input[type=file]'


def cookies(lab):
    return {cookie["name"]: cookie for cookie in lab.page.context.cookies()}


def begin_to_teach(teacher):
    teacher.open("/teaching?teaching_tab=Run the server")
    expect(teacher.page.get_by_role("heading", name="Everything on this server")).to_be_visible()
    expect(teacher.page.get_by_text("Visitors keep", exact=True)).to_have_count(0)
    field = teacher.page.get_by_label("Teacher's key")
    for key, says in (("not this one", "This isn't the teacher's key."), (TEACHERS_KEY, "Visitors keep")):
        field.fill(key)
        teacher.page.get_by_role("button", name="Enter").click()
        expect(teacher.page.get_by_text(says, exact=True)).to_be_visible()
    teacher.page.wait_for_function("document.cookie.includes('cnnlab_teacher=')")
    assert TEACHERS_KEY not in str(cookies(teacher))


def test_a_teacher_stops_and_hides_what_another_visitor_trains(lab, dark_lab):
    student, teacher = lab, dark_lab
    student.open("/convolution?conv_tab=On+a+photo")
    student.page.wait_for_function("document.cookie.includes('cnnlab_visitor=')")  # from the first page on
    number = cookies(student)["cnnlab_visitor"]["value"]
    student.page.get_by_role("button", name=re.compile("Use your own")).click()
    cup = {"name": "cup.png", "mimeType": "image/png", "buffer": sample_images()["coffee"].content}
    student.during(lambda: student.page.locator(BOX).set_input_files(cup))
    begin_to_teach(teacher)
    who = hashlib.sha256(f"cnnlab {number}".encode()).hexdigest()[:6]  # the same as after a reload
    listed = teacher.page.get_by_role("combobox", name="One of the pictures")
    expect(listed).to_have_value(f"cup.png, visitor {who}")
    teacher.page.get_by_role("button", name="Delete").last.click()
    press(teacher, "Delete the picture")
    expect(teacher.page.get_by_text("Pictures that visitors have brought")).to_have_count(0)
    student.during(lambda: student.page.keyboard.press("r"))  # which runs the page again
    expect(student.page.get_by_text("A teacher has deleted your picture")).to_be_visible()
    form(student, epochs=900)
    start(student, "a long run")
    expect(student.page.get_by_text("Note this code")).to_be_visible()
    stands(student, "training")
    goes_on(student, steps_done(student))
    assert cookies(student)["cnnlab_visitor"]["value"] == number
    teacher.open("/teaching?teaching_tab=Run the server")  # the cookie is enough now
    choice = teacher.page.get_by_role("combobox", name="One of them")
    choice.fill("a long run")
    choice.press("Enter")
    expect(teacher.page.get_by_role("button", name="Pause")).to_be_visible()
    teacher.shot("teaching_server")
    press(teacher, "Hide")
    expect(teacher.page.get_by_role("button", name="Show again")).to_be_visible()
    press(teacher, "Stop and test")
    student.open("/training")
    expect(student.page.get_by_text("a long run")).to_have_count(0)
    expect(teacher.page.get_by_role("button", name="Stop and test")).to_have_count(0)
    press(teacher, "Show again")
    expect(teacher.page.get_by_role("button", name="Hide", exact=True)).to_be_visible()
    student.open("/training")
    stands(student, "stopped")
    student.open("/teaching?teaching_tab=Run the server")
    expect(student.page.get_by_label("Teacher's key")).to_be_visible()
    press(teacher, "Be a visitor again")
    expect(teacher.page.get_by_label("Teacher's key")).to_be_visible()
    teacher.page.wait_for_function("!document.cookie.includes('cnnlab_teacher=')")
