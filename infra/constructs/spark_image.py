"""SageMaker's own Spark image, in whichever region the stack is deployed to."""

from __future__ import annotations

from constructs import Construct

from infra.constructs.regional_image import RegionalImage

REPOSITORY = "sagemaker-spark-processing"
# Spark 3.5 on Python 3.12 with numpy 1.26, as aws/sagemaker-spark-container builds it
# (spark/processing/3.5/py3/docker/py312, smsparkbuild/py312/Pipfile.runtime). It carries no scipy, and reading
# traffic needs none. The images on Python 3.9 are too old for this project's code.
TAG = "3.5-cpu-py312-v1.4"

# One account per region: image_uri_config/spark.json of sagemaker-core 2.27.0, for the regions of the XGBoost
# image, without which nothing of this template runs.
ACCOUNTS = {
    "af-south-1": "309385258863",
    "ap-east-1": "732049463269",
    "ap-northeast-1": "411782140378",
    "ap-northeast-2": "860869212795",
    "ap-northeast-3": "102471314380",
    "ap-south-1": "105495057255",
    "ap-south-2": "873151114052",
    "ap-southeast-1": "759080221371",
    "ap-southeast-2": "440695851116",
    "ap-southeast-3": "800295151634",
    "ap-southeast-4": "819679513684",
    "ca-central-1": "446299261295",
    "ca-west-1": "000907499111",
    "cn-north-1": "671472414489",
    "cn-northwest-1": "844356804704",
    "eu-central-1": "906073651304",
    "eu-central-2": "142351485170",
    "eu-north-1": "330188676905",
    "eu-south-1": "753923664805",
    "eu-south-2": "833944533722",
    "eu-west-1": "571004829621",
    "eu-west-2": "836651553127",
    "eu-west-3": "136845547031",
    "il-central-1": "408426139102",
    "me-central-1": "395420993607",
    "me-south-1": "750251592176",
    "sa-east-1": "737130764395",
    "us-east-1": "173754725891",
    "us-east-2": "314815235551",
    "us-gov-east-1": "260923028637",
    "us-gov-west-1": "271483468897",
    "us-west-1": "667973535471",
    "us-west-2": "153931337802",
}


class SparkImage(RegionalImage):
    """The image of profile jobs on Spark."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, repository=REPOSITORY, tag=TAG, accounts=ACCOUNTS)
