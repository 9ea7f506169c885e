# NVIDIA's server with the networks inside. Made with: veriscope models export-triton triton-models [--gpu 0 --half]
FROM nvcr.io/nvidia/tritonserver:25.08-py3
COPY triton-models /models
USER 1000
CMD ["tritonserver", "--model-repository=/models", "--model-control-mode=poll", "--repository-poll-secs=5"]
