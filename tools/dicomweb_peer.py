#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads with pydicom what the centre answered over DICOMweb, for the story about it.
usage: tools/dicomweb_peer.py FOLDER, which holds
  search.json           a search of instances
  metadata.json         a series' metadata
  files, files.type     the same series' files (multipart), and their Content-Type
  frames, frames.type   the frames of its first instance
Prints one line for each thing that is not as it should be; "skip" without pydicom."""
import email.parser
import email.policy
import json
import os
import sys
import warnings
from io import BytesIO

FOLDER = sys.argv[1]


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def parts_of(name):
    """As the standard library reads multipart, which is none of ours."""
    head = b"Content-Type: " + read(name + ".type") + b"\r\n\r\n"
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(head + read(name))
    if not message.is_multipart():
        print(name, "is no multipart")
        return []
    if message.defects:
        print(name, message.defects)
    return [(part.get_content_type(), part.get_payload(decode=True))
            for part in message.get_payload()]


def raw_parts(name):
    """By the boundary alone, since a mail's reader may touch line ends."""
    boundary = read(name + ".type").split(b"boundary=")[1]
    pieces = read(name).split(b"--" + boundary)
    if pieces[0] != b"" or pieces[-1] != b"--\r\n":
        print(name, "does not begin or end as it should")
    return [piece.split(b"\r\n\r\n", 1)[1][:-2] for piece in pieces[1:-1]]


def same(one, other):
    """Numbers as numbers: 5 and 5.000 are the same thickness."""
    values = [list(each) if hasattr(each, "append") else [each] for each in (one, other)]
    try:
        return [float(each) for each in values[0]] == [float(each) for each in values[1]]
    except (TypeError, ValueError):
        return [str(each or "") for each in values[0]] == [str(each or "") for each in values[1]]


def compare(dataset, said):
    """What the JSON says of this file, element by element."""
    for element in said:
        if element.tag == 0x00080005:  # texts are UTF-8 there
            continue
        if element.tag not in dataset:
            print("not in the file:", element.tag)
        elif element.VR != "SQ" and not same(element.value, dataset[element.tag].value):
            print("said otherwise:", element.tag)
    for element in dataset:
        is_bulk = element.VR in ("OB", "OW", "OF", "OD", "OL", "OV", "UN")
        if element.tag not in said and not is_bulk:
            print("not said:", element.tag)


def main():
    try:
        import pydicom
    except ImportError:
        print("skip")
        return
    warnings.simplefilter("ignore")  # of values that are not as their VR says
    files = raw_parts("files")
    if [kind for kind, _ in parts_of("files")] != ["application/dicom"] * len(files):
        print("parts are not application/dicom")
    datasets = [pydicom.dcmread(BytesIO(one)) for one in files]
    metadata = [pydicom.Dataset.from_json(one) for one in json.loads(read("metadata.json"))]
    found = [pydicom.Dataset.from_json(one) for one in json.loads(read("search.json"))]
    uids = [one.SOPInstanceUID for one in datasets]
    if not uids or uids != [one.SOPInstanceUID for one in metadata]:
        print("metadata of other instances")
    if uids != [one.SOPInstanceUID for one in found]:
        print("found other instances")
    for dataset, said in zip(datasets, metadata):
        compare(dataset, said)
    frames = raw_parts("frames")
    size = datasets[0].Rows * datasets[0].Columns * datasets[0].BitsAllocated // 8
    if [len(frame) for frame in frames] != [size * datasets[0].SamplesPerPixel]:
        print("a frame of another size")
    if not datasets[0].file_meta.TransferSyntaxUID.is_compressed \
            and frames[0] != datasets[0].PixelData[:len(frames[0])]:
        print("another frame than the file's")


main()
