using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace OrleansStream.Comparison.Processes;

/// <summary>The service in Release, as a process, and the requests that prepare a measurement.</summary>
internal sealed class Service : IDisposable
{
    private readonly HttpClient _http;
    private readonly AllocationProbe? _probe;

    private Service(ChildProcess process, int port, AllocationProbe? probe)
    {
        (Process, Port, _probe) = (process, port, probe);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>The process.</summary>
    public ChildProcess Process { get; }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>What it writes to its console.</summary>
    public required LineCounts Lines { get; init; }

    /// <summary>Where its Kafka endpoint listens; 0 when it has none.</summary>
    public int KafkaPort { get; private init; }

    /// <summary>What it has allocated so far, in bytes.</summary>
    /// <exception cref="InvalidOperationException">It was started without a probe.</exception>
    public long AllocatedBytes => _probe?.AllocatedBytes ?? throw new InvalidOperationException("The service is not probed.");

    /// <summary>Starts the Api with a silo in its own process and its data in a folder.</summary>
    /// <param name="folder">The folder.</param>
    public static Task<Service> StartAsync(string folder) => StartAsync(Repository.Api, folder);

    /// <summary>Starts an Api with a silo in its own process and its data in a folder.</summary>
    /// <param name="program">The Api's program.</param>
    /// <param name="folder">The folder.</param>
    public static Task<Service> StartAsync(string program, string folder) =>
        StartAsync(program, [("OrleansStream__Storage__Files__Directory", folder)]);

    /// <summary>Starts the Api with a silo and a Kafka endpoint in its own process.</summary>
    /// <param name="folder">The folder of its data.</param>
    public static Task<Service> StartWithKafkaAsync(string folder) => StartWithKafkaAsync(Repository.Api, folder, isProbed: true);

    /// <summary>
    /// Starts an Api as a user does: with a silo and a Kafka endpoint, and with nothing in the process that wakes a thread of its own.
    /// </summary>
    /// <param name="program">The Api's program.</param>
    /// <param name="folder">The folder of its data.</param>
    /// <param name="environment">Further configuration.</param>
    public static Task<Service> StartAsShippedAsync(string program, string folder, params IEnumerable<(string Key, string Value)> environment) =>
        StartWithKafkaAsync(program, folder, isProbed: false, environment);

    /// <summary>Starts the Api with a silo in its own process, and has its callers sign in by API keys.</summary>
    /// <param name="folder">The folder of its data.</param>
    /// <returns>The service, and a key that may write all topics.</returns>
    public static async Task<(Service Service, string Key)> StartWithKeysAsync(string folder)
    {
        var bootstrap = $"os_bootstrap_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}";
        var service = await StartAsync(
            Repository.Api, [("OrleansStream__Storage__Files__Directory", folder), ("OrleansStream__Security__BootstrapKey", bootstrap)]);
        service._http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", bootstrap);
        using var answer = await service._http.PutAsJsonAsync("/v1/access/keys/producer", new JsonObject { ["role"] = "Data Sender" });
        await RequireAsync(answer, HttpStatusCode.Created);
        return (service, (string)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["key"]!);
    }

    /// <summary>Starts one of the repository's programs and waits until it serves.</summary>
    /// <param name="program">The program.</param>
    /// <param name="environment">Its configuration.</param>
    public static Task<Service> StartAsync(string program, IEnumerable<(string Key, string Value)> environment) =>
        StartAsync(program, [("OrleansStream__Kafka__Enabled", "false"), .. environment], kafkaPort: 0, isProbed: true);

    /// <summary>Creates a topic.</summary>
    /// <param name="topic">Its name.</param>
    /// <param name="partitions">The count of its partitions.</param>
    /// <param name="config">Its settings.</param>
    public async Task CreateTopicAsync(string topic, int partitions = 1, params (string Key, string Value)[] config)
    {
        var settings = new JsonObject(config.Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Key, pair.Value)));
        using var answer = await _http.PutAsJsonAsync(
            $"/v1/topics/{topic}", new JsonObject { ["partitions"] = partitions, ["config"] = settings });
        await RequireAsync(answer, HttpStatusCode.Created);
    }

    /// <summary>Deletes a topic.</summary>
    /// <param name="topic">Its name.</param>
    public async Task DeleteTopicAsync(string topic)
    {
        using var answer = await _http.DeleteAsync(new Uri($"/v1/topics/{topic}", UriKind.Relative));
        await RequireAsync(answer, HttpStatusCode.NoContent);
    }

    /// <summary>The records of a topic, over all its partitions, that readers see.</summary>
    /// <param name="topic">Its name.</param>
    public async Task<long> CountRecordsAsync(string topic)
    {
        using var answer = await _http.GetAsync(new Uri($"/v1/topics/{topic}/partitions", UriKind.Relative));
        await RequireAsync(answer, HttpStatusCode.OK);
        var body = (await answer.Content.ReadFromJsonAsync<JsonNode>())!;
        return body["partitions"]!.AsArray().Sum(partition => (long)partition!["high_watermark"]!);
    }

    /// <summary>Describes a group.</summary>
    /// <param name="group">Its name.</param>
    public async Task<JsonNode> DescribeGroupAsync(string group)
    {
        using var answer = await _http.GetAsync(new Uri($"/v1/groups/{group}", UriKind.Relative));
        await RequireAsync(answer, HttpStatusCode.OK);
        return (await answer.Content.ReadFromJsonAsync<JsonNode>())!;
    }

    /// <summary>Asks for the metrics, as Prometheus does.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">It told none.</exception>
    public async Task ScrapeAsync(CancellationToken cancellationToken)
    {
        using var answer = await _http.GetAsync(new Uri("/metrics", UriKind.Relative), cancellationToken);
        await RequireAsync(answer, HttpStatusCode.OK);
        if (!(await answer.Content.ReadAsStringAsync(cancellationToken)).Contains("orleansstream_", StringComparison.Ordinal))
            throw new InvalidOperationException("/metrics tells nothing of the service.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        Process.Dispose();
        _probe?.Dispose();
    }

    private static Task<Service> StartWithKafkaAsync(
        string program, string folder, bool isProbed, params IEnumerable<(string Key, string Value)> environment)
    {
        var kafkaPort = ChildProcess.FreePort();
        return StartAsync(
            program,
            [("OrleansStream__Storage__Files__Directory", folder), ("OrleansStream__Kafka__Listen", $"127.0.0.1:{kafkaPort}"), .. environment],
            kafkaPort, isProbed);
    }

    private static async Task<Service> StartAsync(
        string program, IEnumerable<(string Key, string Value)> environment, int kafkaPort, bool isProbed)
    {
        var port = ChildProcess.FreePort();
        var probe = isProbed ? new AllocationProbe() : null;
        var lines = new LineCounts();
        var process = ChildProcess.Start(
            "dotnet", [program, "--urls", $"http://127.0.0.1:{port}"], [.. environment, .. probe?.Environment ?? []], lines.Note);
        var service = new Service(process, port, probe) { KafkaPort = kafkaPort, Lines = lines };
        try
        {
            await process.WaitUntilAsync("The service", service.IsReadyAsync);
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task RequireAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        if (answer.StatusCode != status)
            throw new InvalidOperationException($"{answer.RequestMessage?.RequestUri}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }
}
