"""Patch baselines, patch groups and snapshots through boto3 and the AWS CLI."""

import json
import urllib.error
import urllib.request
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

OWNER = "075727635805"
DEBIAN = f"arn:aws:ssm:eu-central-1:{OWNER}:patchbaseline/pb-09a5f8eb62bde80b1"
WINDOWS = f"arn:aws:ssm:eu-central-1:{OWNER}:patchbaseline/pb-09ca3fb51f0412ec3"
UNKNOWN = "pb-00000000000000000"
MALFORMED = "pb-this-is-no-hexadecimal"
RULES = {
    "PatchRules": [{
        "PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["Required", "Important"]}]},
        "ComplianceLevel": "HIGH",
        "ApproveAfterDays": 0,
        "EnableNonSecurity": False,
    }]
}


def refusal(call, **request):
    """The code and the text of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def create(ssm):
    """Makes baselines and takes everything away that would outlive the test."""
    made = []

    def create(name=None, **request):
        request = {"OperatingSystem": "DEBIAN", **request}
        made.append(ssm.create_patch_baseline(Name=name or unique("baseline"), **request)["BaselineId"])
        return made[-1]

    yield create
    ssm.register_default_patch_baseline(BaselineId=DEBIAN)
    for baseline in made:
        for group in ssm.get_patch_baseline(BaselineId=baseline)["PatchGroups"]:
            ssm.deregister_patch_baseline_for_patch_group(BaselineId=baseline, PatchGroup=group)
        ssm.delete_patch_baseline(BaselineId=baseline)


def mappings(ssm, **request):
    pages = ssm.get_paginator("describe_patch_groups").paginate(**request)
    return [mapping for page in pages for mapping in page["Mappings"]]


def identities(ssm, *filters, size=50):
    pages = ssm.get_paginator("describe_patch_baselines").paginate(
        Filters=[{"Key": key, "Values": values} for key, values in filters], PaginationConfig={"PageSize": size}
    )
    return [identity for page in pages for identity in page["BaselineIdentities"]]


# ---------------------------------------------------------------- baselines


def test_what_was_created_is_answered(ssm, create, aws):
    request = {
        "Description": "front",
        "GlobalFilters": {"PatchFilters": [{"Key": "PRODUCT", "Values": ["Debian12"]}]},
        "ApprovalRules": RULES,
        "ApprovedPatches": ["openssl"],
        "ApprovedPatchesComplianceLevel": "CRITICAL",
        "ApprovedPatchesEnableNonSecurity": True,
        "RejectedPatches": ["vim"],
        "RejectedPatchesAction": "BLOCK",
        "Sources": [{"Name": "mirror", "Products": ["*"], "Configuration": "deb http://mirror.example.org x main"}],
    }
    made = create("web-front", **request)
    got = ssm.get_patch_baseline(BaselineId=made)
    assert {key: got[key] for key in request} == request
    assert (got["BaselineId"], got["Name"], got["OperatingSystem"]) == (made, "web-front", "DEBIAN")
    assert got["PatchGroups"] == [] and got["CreatedDate"] == got["ModifiedDate"]
    assert aws("ssm", "get-patch-baseline", "--baseline-id", made)["ApprovalRules"] == RULES


def test_the_cli_makes_baselines(ssm, aws):
    made = aws("ssm", "create-patch-baseline", "--name", "by-hand", "--operating-system", "DEBIAN",
               "--approval-rules", json.dumps(RULES), "--tags", "Key=Env,Value=test")["BaselineId"]
    tags = ssm.list_tags_for_resource(ResourceType="PatchBaseline", ResourceId=made)["TagList"]
    assert tags == [{"Key": "Env", "Value": "test"}]
    ssm.add_tags_to_resource(ResourceType="PatchBaseline", ResourceId=made, Tags=[{"Key": "b", "Value": "2"}])
    assert aws("ssm", "delete-patch-baseline", "--baseline-id", made) == {"BaselineId": made}
    code, _ = refusal(ssm.list_tags_for_resource, ResourceType="PatchBaseline", ResourceId=made)
    assert code == "InvalidResourceId"


def test_creation_is_refused(ssm):
    def rule(key, value, **date):
        filters = {"PatchFilters": [{"Key": key, "Values": [value]}]}
        return {"PatchRules": [{"PatchFilterGroup": filters, **date}]}

    rows = [
        ({"Name": "AWS-mine"}, "AWS-"),
        ({"OperatingSystem": "DEBIAN", "ApprovalRules": rule("SEVERITY", "Critical")}, "SEVERITY"),
        ({"OperatingSystem": "CENTOS", "ApprovalRules": rule("SEVERITY", "Critical")}, "ApproveAfterDays"),
        ({"OperatingSystem": "CENTOS", "ApprovalRules": rule("SEVERITY", "Dire", ApproveAfterDays=1)}, "Dire"),
        ({"OperatingSystem": "PLAN9"}, "operatingSystem"),
    ]
    for request, expected in rows:
        code, text = refusal(ssm.create_patch_baseline, **{"Name": "refused", **request})
        assert code == "ValidationException" and expected in text, (request, text)
    assert identities(ssm, ("NAME_PREFIX", ["refused"])) == []


def test_a_client_token_is_remembered(ssm, create):
    token = uuid.uuid4().hex
    first = create("with-token", ClientToken=token)
    again = ssm.create_patch_baseline(Name="with-token", OperatingSystem="DEBIAN", ClientToken=token)
    assert again["BaselineId"] == first
    code, text = refusal(ssm.create_patch_baseline, Name="other", OperatingSystem="DEBIAN", ClientToken=token)
    assert code == "IdempotentParameterMismatch" and token in text


def test_an_account_has_a_limit_of_baselines(ssm, create):
    with pytest.raises(ssm.exceptions.ResourceLimitExceededException):
        for _ in range(51):
            create()


def test_updates_merge_or_replace(ssm, create):
    made = create("web", ApprovedPatches=["openssl"], Description="front")
    merged = ssm.update_patch_baseline(BaselineId=made, RejectedPatches=["vim"])
    assert (merged["ApprovedPatches"], merged["RejectedPatches"]) == (["openssl"], ["vim"])
    replaced = ssm.update_patch_baseline(BaselineId=made, Name="web2", Replace=True)
    assert (replaced["ApprovedPatches"], replaced["RejectedPatches"]) == ([], [])
    assert "Description" not in replaced and replaced["OperatingSystem"] == "DEBIAN"
    assert replaced["ModifiedDate"] >= replaced["CreatedDate"] == merged["CreatedDate"]
    assert refusal(ssm.update_patch_baseline, BaselineId=made, Replace=True)[0] == "ValidationException"
    assert refusal(ssm.update_patch_baseline, BaselineId=DEBIAN, Name="mine")[0] == "ValidationException"
    with pytest.raises(ssm.exceptions.DoesNotExistException):
        ssm.update_patch_baseline(BaselineId=UNKNOWN, Name="mine")


def test_ids_and_arns(ssm, create):
    made = create()
    arn = f"arn:aws:ssm:eu-central-1:123456789012:patchbaseline/{made}"
    assert ssm.get_patch_baseline(BaselineId=arn)["BaselineId"] == made
    assert ssm.get_patch_baseline(BaselineId=DEBIAN)["Name"] == "AWS-DebianDefaultPatchBaseline"
    for absent in [UNKNOWN, "pb-09a5f8eb62bde80b1", DEBIAN.replace("eu-central-1", "eu-west-1")]:
        with pytest.raises(ssm.exceptions.DoesNotExistException):
            ssm.get_patch_baseline(BaselineId=absent)
    with pytest.raises(ssm.exceptions.InvalidResourceId):
        ssm.get_patch_baseline(BaselineId=MALFORMED)


def test_a_baseline_in_use_is_kept(ssm, create):
    made = create()
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="web")
    with pytest.raises(ssm.exceptions.ResourceInUseException):
        ssm.delete_patch_baseline(BaselineId=made)
    ssm.deregister_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="web")
    ssm.register_default_patch_baseline(BaselineId=made)
    with pytest.raises(ssm.exceptions.ResourceInUseException):
        ssm.delete_patch_baseline(BaselineId=made)
    assert refusal(ssm.delete_patch_baseline, BaselineId=DEBIAN)[0] == "ValidationException"


@pytest.mark.parametrize(
    "system, prefix, product", [("ALPINE_LINUX", "Fettle-Alpine", "AlpineLinux3.22"), ("ARCH_LINUX", "Fettle-Arch", "ArchLinux")]
)
def test_systems_of_our_own_are_taken(ssm, create, aws, system, prefix, product):
    (provided,) = identities(ssm, ("OPERATING_SYSTEM", [system]), ("OWNER", ["AWS"]))
    assert provided["BaselineName"].startswith(prefix) and provided["OperatingSystem"] == system
    default = ssm.get_default_patch_baseline(OperatingSystem=system)
    assert (default["BaselineId"], default["OperatingSystem"]) == (provided["BaselineId"], system)
    filters = [{"Key": "PRODUCT", "Values": [product]}, {"Key": "REPOSITORY", "Values": ["main", "core"]}]
    rules = {"PatchRules": [{"PatchFilterGroup": {"PatchFilters": filters}, "ApproveAfterDays": 3}]}
    made = create(OperatingSystem=system, ApprovalRules=rules)
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="own")
    got = ssm.get_patch_baseline_for_patch_group(PatchGroup="own", OperatingSystem=system)
    assert (got["BaselineId"], got["OperatingSystem"]) == (made, system)
    assert [m["BaselineIdentity"]["OperatingSystem"] for m in mappings(ssm) if m["PatchGroup"] == "own"] == [system]
    told = aws("ssm", "get-patch-baseline", "--baseline-id", made)
    assert told["OperatingSystem"] == system
    assert told["ApprovalRules"]["PatchRules"][0]["PatchFilterGroup"]["PatchFilters"] == filters
    products = aws("ssm", "describe-patch-properties", "--operating-system", system, "--property", "PRODUCT")
    assert {"Name": product} in products["Properties"]
    code, text = refusal(ssm.describe_patch_properties, OperatingSystem=system, Property="SEVERITY")
    assert code == "ValidationException" and "has no property SEVERITY" in text
    code, text = refusal(ssm.create_patch_baseline, Name="none", OperatingSystem="PLAN9")
    assert code == "ValidationException" and system in text
    assert refusal(ssm.create_patch_baseline, Name="Fettle-mine", OperatingSystem=system)[0] == "ValidationException"


def test_lists_are_paged(ssm, create):
    own = sorted(create(f"paged-{n}", OperatingSystem="UBUNTU") for n in range(5))
    provided = [identity["BaselineId"] for identity in identities(ssm, ("OWNER", ["AWS"]), size=4)]
    assert len(provided) == len(set(provided)) == 19
    for size in [1, 2, 5, 100]:
        found = identities(ssm, ("NAME_PREFIX", ["paged-"]), ("OWNER", ["Self"]), size=size)
        assert [identity["BaselineId"] for identity in found] == own, size
    everything = [identity["BaselineId"] for identity in identities(ssm, size=3)]
    assert len(everything) == len(set(everything)) and set(own) | set(provided) <= set(everything)
    assert len(identities(ssm, ("OPERATING_SYSTEM", ["UBUNTU"]), ("OWNER", ["AWS"]))) == 1
    page = ssm.describe_patch_baselines(MaxResults=1)
    other_filters = [{"Key": "OWNER", "Values": ["AWS"]}]
    for wrong in [{"NextToken": "forged"}, {"NextToken": page["NextToken"], "Filters": other_filters}]:
        assert refusal(ssm.describe_patch_baselines, **wrong)[0] == "ValidationException"
    unknown_key = [{"Key": "COLOUR", "Values": ["red"]}]
    assert refusal(ssm.describe_patch_baselines, Filters=unknown_key)[0] == "ValidationException"


# ---------------------------------------------------------------- defaults and groups


def test_each_system_has_a_default(ssm, create, aws):
    assert aws("ssm", "get-default-patch-baseline") == {"BaselineId": WINDOWS, "OperatingSystem": "WINDOWS"}
    made = create()
    assert ssm.register_default_patch_baseline(BaselineId=made)["BaselineId"] == made
    assert ssm.get_default_patch_baseline(OperatingSystem="DEBIAN")["BaselineId"] == made
    flags = {i["BaselineId"]: i["DefaultBaseline"] for i in identities(ssm, ("OPERATING_SYSTEM", ["DEBIAN"]))}
    assert flags == {DEBIAN: False, made: True}
    ssm.register_default_patch_baseline(BaselineId=DEBIAN)
    assert ssm.get_default_patch_baseline(OperatingSystem="DEBIAN")["BaselineId"] == DEBIAN
    with pytest.raises(ssm.exceptions.DoesNotExistException):
        ssm.register_default_patch_baseline(BaselineId=UNKNOWN)
    with pytest.raises(ssm.exceptions.InvalidResourceId):
        ssm.register_default_patch_baseline(BaselineId=MALFORMED)


def test_groups_have_one_baseline_per_system(ssm, create):
    first, second, windows = create(), create(), create(OperatingSystem="WINDOWS")
    prefix = unique("One Baseline")
    web, db = f"{prefix} Web", f"{prefix} db"
    pair = {"BaselineId": first, "PatchGroup": web}
    for _ in range(2):
        told = ssm.register_patch_baseline_for_patch_group(**pair)
        assert {key: told[key] for key in pair} == pair
    with pytest.raises(ssm.exceptions.AlreadyExistsException):
        ssm.register_patch_baseline_for_patch_group(BaselineId=second, PatchGroup=web)
    ssm.register_patch_baseline_for_patch_group(BaselineId=windows, PatchGroup=web)
    ssm.register_patch_baseline_for_patch_group(BaselineId=DEBIAN, PatchGroup=db)
    found = ssm.get_patch_baseline_for_patch_group(PatchGroup=web, OperatingSystem="DEBIAN")
    assert (found["BaselineId"], found["OperatingSystem"]) == (first, "DEBIAN")
    assert ssm.get_patch_baseline_for_patch_group(PatchGroup=web)["BaselineId"] == windows
    assert ssm.get_patch_baseline_for_patch_group(PatchGroup="nobody")["BaselineId"] == WINDOWS
    assert ssm.get_patch_baseline(BaselineId=first)["PatchGroups"] == [web]

    def pairs(*filters):
        filters = [{"Key": "NAME_PREFIX", "Values": [prefix]}, *filters]
        found = mappings(ssm, PaginationConfig={"PageSize": 1}, Filters=filters)
        return {(mapping["PatchGroup"], mapping["BaselineIdentity"]["BaselineId"]) for mapping in found}

    assert pairs() == {(web, first), (web, windows), (db, DEBIAN)}
    assert pairs({"Key": "OPERATING_SYSTEM", "Values": ["WINDOWS"]}) == {(web, windows)}
    ssm.deregister_patch_baseline_for_patch_group(BaselineId=DEBIAN, PatchGroup=db)
    assert refusal(ssm.describe_patch_groups, NextToken="forged")[0] == "ValidationException"
    ssm.deregister_patch_baseline_for_patch_group(**pair)
    found = ssm.get_patch_baseline_for_patch_group(PatchGroup=web, OperatingSystem="DEBIAN")
    assert found["BaselineId"] == DEBIAN
    with pytest.raises(ssm.exceptions.DoesNotExistException):
        ssm.register_patch_baseline_for_patch_group(BaselineId=UNKNOWN, PatchGroup="x")
    for call in [ssm.register_patch_baseline_for_patch_group, ssm.deregister_patch_baseline_for_patch_group]:
        with pytest.raises(ssm.exceptions.InvalidResourceId):
            call(BaselineId=MALFORMED, PatchGroup="x")


def test_a_baseline_has_a_limit_of_groups(ssm, create):
    made = create()
    for n in range(25):
        ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup=f"group {n}")
    with pytest.raises(ssm.exceptions.ResourceLimitExceededException):
        ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="one more")


def test_properties(ssm):
    def names(size, **request):
        pages = ssm.get_paginator("describe_patch_properties").paginate(PaginationConfig={"PageSize": size}, **request)
        return [entry["Name"] for page in pages for entry in page["Properties"]]

    priorities = ["Required", "Important", "Standard", "Optional", "Extra"]
    for size in [1, 2, 5, 50]:
        assert names(size, OperatingSystem="DEBIAN", Property="PRIORITY") == priorities
    assert "Debian12" in names(50, OperatingSystem="DEBIAN", Property="PRODUCT")
    system = names(50, OperatingSystem="WINDOWS", Property="PRODUCT", PatchSet="OS")
    everything = names(50, OperatingSystem="WINDOWS", Property="PRODUCT")
    assert "WindowsServer2022" in system and set(system) < set(everything)
    code, _ = refusal(ssm.describe_patch_properties, OperatingSystem="DEBIAN", Property="SEVERITY")
    assert code == "ValidationException"


# ---------------------------------------------------------------- snapshots


@pytest.fixture
def reporting_node(server, register_node):
    """Registers a node that said what it runs: reporting_node("Ubuntu", "22.04")."""

    def make(platform_name, platform_version, tags=None):
        node = register_node(tags=tags)
        signed_post(server, "AmazonSSM.UpdateInstanceInformation", {
            "InstanceId": node, "AgentName": "fettle-agent", "AgentStatus": "Active", "AgentVersion": "1.0.0",
            "PlatformType": "Linux", "PlatformName": platform_name, "PlatformVersion": platform_version,
        })
        return node

    return make


def signed_post(server, target, body):
    """One request of an operation that only agents know."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", headers, json.dumps(body).encode())
    keys = botocore.credentials.Credentials(server.access_key_id, server.secret_access_key)
    botocore.auth.SigV4Auth(keys, "ssm", "eu-central-1").add_auth(request)
    prepared = request.prepare()
    sent = urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers), method="POST")
    with urllib.request.urlopen(sent, timeout=60) as response:
        return json.load(response)


def download(answer):
    with urllib.request.urlopen(answer["SnapshotDownloadUrl"], timeout=60) as response:
        assert response.headers["Content-Type"] == "application/json"
        return json.load(response)


def test_a_group_shares_a_snapshot(ssm, create, reporting_node):
    made = create("frozen", ApprovedPatches=["openssl"])
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="frozen")
    nodes = [reporting_node("Debian GNU/Linux", "12", tags={"Patch Group": "frozen"}) for _ in range(2)]
    snapshot = str(uuid.uuid4())
    answer = ssm.get_deployable_patch_snapshot_for_instance(InstanceId=nodes[0], SnapshotId=snapshot)
    assert (answer["InstanceId"], answer["SnapshotId"], answer["Product"]) == (nodes[0], snapshot, "Debian12")
    first = download(answer)
    assert (first["BaselineId"], first["PatchGroup"]) == (made, "frozen")
    ssm.update_patch_baseline(BaselineId=made, ApprovedPatches=["curl"])
    second = ssm.get_deployable_patch_snapshot_for_instance(InstanceId=nodes[1], SnapshotId=snapshot)
    assert download(second) == first and first["ApprovedPatches"] == ["openssl"]
    fresh = ssm.get_deployable_patch_snapshot_for_instance(InstanceId=nodes[1], SnapshotId=str(uuid.uuid4()))
    assert download(fresh)["ApprovedPatches"] == ["curl"]
    forged = {"SnapshotDownloadUrl": answer["SnapshotDownloadUrl"][:-2] + "xx"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        download(forged)
    assert caught.value.code == 403


def test_a_baseline_can_be_brought_along(ssm, reporting_node):
    node = reporting_node("Ubuntu", "22.04")
    request = {"InstanceId": node, "SnapshotId": str(uuid.uuid4())}
    brought = {"OperatingSystem": "UBUNTU", "ApprovedPatches": ["curl"]}
    answer = ssm.get_deployable_patch_snapshot_for_instance(BaselineOverride=brought, **request)
    content = download(answer)
    assert (content["ApprovedPatches"], content["OperatingSystem"]) == (["curl"], "UBUNTU")
    plain = download(ssm.get_deployable_patch_snapshot_for_instance(**request))
    assert plain["Name"] == "AWS-UbuntuDefaultPatchBaseline"
    foreign = {"OperatingSystem": "WINDOWS"}
    answer = ssm.get_deployable_patch_snapshot_for_instance(BaselineOverride=foreign, **request)
    assert download(answer) == plain


def test_snapshots_are_refused(ssm, reporting_node, node):
    snapshot = str(uuid.uuid4())
    for unsupported in [reporting_node("Slackware", "15.0"), node]:
        with pytest.raises(ssm.exceptions.UnsupportedOperatingSystem):
            ssm.get_deployable_patch_snapshot_for_instance(InstanceId=unsupported, SnapshotId=snapshot)
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.get_deployable_patch_snapshot_for_instance(InstanceId="mi-fffffffffffffffff", SnapshotId=snapshot)
    code, _ = refusal(ssm.get_deployable_patch_snapshot_for_instance, InstanceId=node, SnapshotId="x" * 36)
    assert code == "ValidationException"
