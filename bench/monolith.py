"""The baseline that the reference paper leaves out: one process that decodes and runs the networks in the request.

The same two routes, the same networks, the same framework; no gateway, no pool, no limits, no checks of the upload.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI, Form, UploadFile

from veriscope.detectors.forgery_classifier import judge
from veriscope.inference.networks import fake_news
from veriscope.inference.onnx import OnnxInfer

app = FastAPI()
infer = OnnxInfer()
vocabulary = fake_news.vocabulary(infer.asset(fake_news.NAMES["vi"], "vocabulary"))


@app.post("/api/deepfake/")
def deepfake(file: UploadFile) -> dict[str, float]:
    bgr = cv2.imdecode(np.frombuffer(file.file.read(), np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return {"fake": judge(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8), infer)[0]}


@app.post("/api/fakenews/")
def fakenews(text: str = Form()) -> dict[str, float]:
    outputs = infer.run(fake_news.NAMES["vi"], fake_news.prepare([text], vocabulary))
    return {"fake": float(fake_news.read(outputs)[0][1])}


if __name__ == "__main__":
    cv2.setNumThreads(1)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
