"""A local web page that shows what an encoding does to an image. Needs the extra [explore].

The page talks to this program over HTTP, and this program talks to the server over gRPC.
Everything stays in memory.

Starlette and uvicorn serve it. Both are BSD-licensed and pure Python, and bring two more
packages, anyio and h11. Starlette streams requests and responses, which the upload limit and the
progress need. Flask and Bottle would need another package as their server, and aiohttp brings
compiled packages.
"""
