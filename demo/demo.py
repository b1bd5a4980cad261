"""The demonstration: a real server, a real photograph, every method in every format.

Prints what was asked and what was reached, and draws it: quality against DSSIM
and size with the chosen points, and the original beside the results at 1:1.

    python demo/demo.py --out demo-out [--image PHOTO]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from picture import draw
from running_server import connect, running_server
from table import print_table
from work import encode_all, sweep_all


def photograph() -> Path:
    """A photograph that scikit-image ships: 600x400, by Rachel Michetti, CC0."""
    import skimage.data

    return Path(skimage.data.__file__).with_name("coffee.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the results")
    parser.add_argument("--image", type=Path, help="another image to encode")
    parser.add_argument("--server", help="a server that runs already, as host:port")
    args = parser.parse_args()
    image = args.image or photograph()
    args.out.mkdir(parents=True, exist_ok=True)

    with (
        running_server(args.server, args.out / "server.log") as address,
        connect(address) as client,
    ):
        print(f"server {client.info().version} at {address}; encoding {image.name}\n")
        results = encode_all(client, image)
        for one in results:
            one.encoded.save(args.out / one.file_name)
        print_table(image, results)
        print("\nmeasuring every third quality for the picture ...")
        curves = sweep_all(client, image)
        picture = args.out / "demo.png"
        draw(client, image, results, curves, picture)
    print(f"\nThe picture: {picture}\nThe encoded images and the server's log: {args.out}/")


if __name__ == "__main__":
    main()
