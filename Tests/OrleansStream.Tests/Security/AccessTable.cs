using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Security;

/// <summary>
/// The rights that each operation of the API needs, and all of them tried: with no credential, with wrong ones, with every right but the one that is
/// needed, and with the needed ones alone. The operations are those of the API's own description, so that none is forgotten.
/// </summary>
internal sealed class AccessTable(Func<string?, HttpClient> clientOf, string bootstrap)
{
    private const string Topic = "table-topic";
    private const string Group = "table-group";

    /// <summary>What an operation needs: <c>topic read</c> and so on; empty for a list, which shows what may be described.</summary>
    private static readonly Dictionary<string, string[]> Needs = new()
    {
        ["createTopic"] = ["topic manage"],
        ["listTopics"] = [],
        ["getTopic"] = ["topic describe"],
        ["changeTopic"] = ["topic manage"],
        ["deleteTopic"] = ["topic manage"],
        ["listPartitions"] = ["topic describe"],
        ["getTopicLoad"] = ["topic read"],
        ["deleteRecords"] = ["topic manage"],
        ["produce"] = ["topic write"],
        ["produceToPartition"] = ["topic write"],
        ["takeProducer"] = ["topic write"],
        ["fetchRecords"] = ["topic read"],
        ["tailRecords"] = ["topic read"],
        ["pollGroup"] = ["group read", "topic read"],
        ["leaveGroup"] = ["group read"],
        ["listGroups"] = [],
        ["getGroup"] = ["group describe"],
        ["deleteGroup"] = ["group manage"],
        ["getLag"] = ["group describe"],
        ["getOffsets"] = ["group describe"],
        ["commitOffsets"] = ["group manage", "topic describe"],
        ["resetOffsets"] = ["group manage", "topic describe"],
        ["setRetryPolicy"] = ["group manage"],
        ["redriveDeadLetters"] = ["group manage"],
        ["getRedrive"] = ["group describe"],
        ["stopRedrive"] = ["group manage"],
        ["getCluster"] = ["cluster describe"],
        ["createKey"] = ["cluster admin"],
        ["listKeys"] = ["cluster admin"],
        ["revokeKey"] = ["cluster admin"],
        ["giveRight"] = ["cluster admin"],
        ["listRights"] = ["cluster admin"],
        ["takeRight"] = ["cluster admin"],
        // It gives its caller nothing that it has not.
        ["takeTicket"] = [],
        ["getCaller"] = [],
    };

    private static readonly Dictionary<string, string[]> All = new()
    {
        ["topic"] = ["describe", "read", "write", "manage"],
        ["group"] = ["describe", "read", "manage"],
        ["cluster"] = ["describe", "manage", "admin"],
    };

    private readonly List<string> _faults = [];

    /// <summary>The operations that manage something.</summary>
    public static IEnumerable<string> Managing => Needs
        .Where(one => one.Value.Any(need => need.EndsWith("manage", StringComparison.Ordinal) || need.EndsWith("admin", StringComparison.Ordinal))).Select(one => one.Key);

    /// <summary>Every secret that was used.</summary>
    public List<string> Secrets { get; } = [bootstrap];

    /// <summary>The body of every answer that refused.</summary>
    public List<string> Refusals { get; } = [];

    /// <summary>Tries all of it.</summary>
    /// <returns>What was not as the table says; empty when all was.</returns>
    public async Task<IReadOnlyList<string>> RunAsync()
    {
        using var admin = clientOf(bootstrap);
        using var nobody = clientOf(null);
        using var wrong = clientOf($"os_bootstrap_{new string('0', 64)}");
        var document = (await SecureApi.SendAsync(admin, HttpMethod.Get, "/swagger/v1/swagger.json"))!;
        var operations = document["paths"]!.AsObject()
            .SelectMany(path => path.Value!.AsObject().Select(one => new Tried(one.Key.ToUpperInvariant(), path.Key, one.Value!)))
            .Where(one => !one.Path.StartsWith("/health/", StringComparison.Ordinal)).ToList();
        Assert.Equal(Needs.Keys.Order(StringComparer.Ordinal), operations.Select(one => one.Id).Order(StringComparer.Ordinal));
        await SecureApi.SendAsync(admin, HttpMethod.Put, $"/v1/topics/{Topic}", "{}", 201);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/table-other", "{}", 201);
        using var expired = clientOf(await MakeExpiredKeyAsync(admin));
        using var rightless = clientOf(await MakeKeyAsync(admin, "table-rightless", []));

        foreach (var one in operations.OrderBy(one => one.Method == "DELETE"))
        {
            await ExpectAsync("no credential", one, nobody, "SASL_AUTHENTICATION_FAILED");
            await ExpectAsync("a wrong key", one, wrong, "SASL_AUTHENTICATION_FAILED");
            await ExpectAsync("an expired key", one, expired, "SASL_AUTHENTICATION_FAILED");
            await TryBrokenAsync(one, nobody, rightless);
            await TryRightsAsync(admin, one);
        }

        return _faults;
    }

    /// <summary>A caller without the right is not told what else is wrong with its request.</summary>
    private async Task TryBrokenAsync(Tried one, HttpClient nobody, HttpClient rightless)
    {
        var broken = one with { IsBroken = true };
        await ExpectAsync("no credential and a broken request", broken, nobody, "SASL_AUTHENTICATION_FAILED");
        if (Needs[one.Id].Length > 0)
            await ExpectAsync("a key without rights and a broken request", broken, rightless, CodeFor(one, Needs[one.Id][0]));
    }

    // That it has no producer's id is no matter of one topic.
    private static string CodeFor(Tried one, string need) => $"{(one.Id == "takeProducer" ? "cluster" : need.Split(' ')[0]).ToUpperInvariant()}_AUTHORIZATION_FAILED";

    private async Task TryRightsAsync(HttpClient admin, Tried one)
    {
        var needs = Needs[one.Id];
        for (var i = 0; i < needs.Length; i++)
        {
            using var less = clientOf(await MakeKeyAsync(admin, $"{one.Id.ToLowerInvariant()}-less{i}", AllBut(needs[i])));
            await ExpectAsync($"all rights but {needs[i]}", one, less, CodeFor(one, needs[i]));
        }

        using var enough = clientOf(await MakeKeyAsync(admin, $"{one.Id.ToLowerInvariant()}-enough", needs));
        var (_, answer) = await SendAsync(one, enough);
        if (answer.Contains("AUTHENTICATION_FAILED", StringComparison.Ordinal) || answer.Contains("AUTHORIZATION_FAILED", StringComparison.Ordinal))
            _faults.Add($"{one.Id} with {string.Join(" and ", needs)}: {answer}");
        if (needs.Length == 0 && one.Id.StartsWith("list", StringComparison.Ordinal) && (answer.Contains(Topic, StringComparison.Ordinal) || answer.Contains(Group, StringComparison.Ordinal)))
            _faults.Add($"{one.Id} shows what may not be described: {answer}");
    }

    // Whoever may do anything may describe: to have no right to describe is to have none.
    private static IEnumerable<string> AllBut(string need) => All.SelectMany(kind => kind.Value.Select(operation => $"{kind.Key} {operation}"))
        .Where(right => right != need && !(need.EndsWith("describe", StringComparison.Ordinal) && right.StartsWith(need.Split(' ')[0], StringComparison.Ordinal)));

    private async Task<string> MakeKeyAsync(HttpClient admin, string id, IEnumerable<string> rights)
    {
        var shortId = id[Math.Max(0, id.Length - 32)..].TrimStart('-');
        var key = (string)(await SecureApi.SendAsync(admin, HttpMethod.Put, $"/v1/access/keys/{shortId}", "{}", 201))!["key"]!;
        Secrets.Add(key);
        foreach (var kind in rights.GroupBy(right => right.Split(' ')[0]))
        {
            var right = new JsonObject
            {
                ["principal"] = $"key:{shortId}",
                ["resource"] = kind.Key,
                ["name"] = kind.Key switch { "topic" => Topic, "group" => Group, _ => null },
                ["operations"] = new JsonArray([.. kind.Select(one => (JsonNode)one.Split(' ')[1])]),
            };
            await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/rights", right.ToJsonString());
        }

        return key;
    }

    private async Task<string> MakeExpiredKeyAsync(HttpClient admin)
    {
        var end = TimeProvider.System.GetUtcNow().AddMilliseconds(500);
        var answer = (await SecureApi.SendAsync(
            admin, HttpMethod.Put, "/v1/access/keys/table-expired", $$"""{"role":"Admin","expires_at":"{{end:yyyy-MM-ddTHH:mm:ss.fffZ}}"}""", 201))!;
        var key = (string)answer["key"]!;
        Secrets.Add(key);
        using var client = clientOf(key);
        await Wait.UntilAsync(
            "the key has expired", async () => (await client.GetAsync("/v1/topics")).StatusCode == System.Net.HttpStatusCode.Unauthorized, TimeSpan.FromSeconds(30));
        return key;
    }

    private async Task ExpectAsync(string with, Tried one, HttpClient client, string code)
    {
        var (status, answer) = await SendAsync(one, client);
        Refusals.Add(answer);
        var isSame = answer.Contains($"\"error_code\":\"{code}\"", StringComparison.Ordinal) && status == (code.StartsWith("SASL", StringComparison.Ordinal) ? 401 : 403);
        if (!isSame)
            _faults.Add($"{one.Id} with {with}: {status} {answer}");
    }

    private static async Task<(int Status, string Answer)> SendAsync(Tried one, HttpClient client)
    {
        using var request = one.ToRequest();
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        // A tail has no end.
        return response.Content.Headers.ContentType?.MediaType == "text/event-stream" ? ((int)response.StatusCode, "")
            : ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private sealed record Tried(string Method, string Path, JsonNode Description)
    {
        public string Id => (string)Description["operationId"]!;

        /// <summary>True for a request of which nothing is valid but its method and the names in its path.</summary>
        public bool IsBroken { get; init; }

        public HttpRequestMessage ToRequest()
        {
            var path = Path.Replace("{topic}", Topic, StringComparison.Ordinal).Replace("{group}", Group, StringComparison.Ordinal)
                .Replace("{partition}", IsBroken ? "x" : "0", StringComparison.Ordinal).Replace("{member}", "anna", StringComparison.Ordinal)
                .Replace("{key}", $"{Id.ToLowerInvariant()}-made", StringComparison.Ordinal);
            var query = (Description["parameters"]?.AsArray() ?? [])
                .Where(parameter => (string?)parameter!["in"] == "query" && parameter["example"] is not null)
                .Select(parameter => $"{parameter!["name"]}={Uri.EscapeDataString(parameter["example"]!.ToString())}");
            if (IsBroken)
                query = ["nonsense=1"];
            var request = new HttpRequestMessage(new HttpMethod(Method), $"{path}?{string.Join('&', query)}");
            if (IsBroken && Description["requestBody"] is not null)
                request.Content = ApiFixture.Json("{\"broken");
            else if (Description["requestBody"]?["content"]?["application/json"]?["example"] is { } example)
                request.Content = ApiFixture.Json(example.ToJsonString().Replace("matches", Topic, StringComparison.Ordinal).Replace("\"wait_ms\":1000", "\"wait_ms\":0", StringComparison.Ordinal));
            return request;
        }
    }
}
