using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>A thousand members that join one group at once, over REST, until each has its partition.</summary>
internal sealed class JoinRow : IRow
{
    private const int Members = 1_000;
    private const string Topic = "joined";

    // A poll takes on what the group gives it while it waits, and tells its member at its end: so the wait bounds how late a member learns of it.
    private const int WaitMs = 1_000;
    private const string Assigned = " were assigned to ";
    private const string GroupLog = "Logging__LogLevel__OrleansStream.Groups.ConsumerGroupGrain";
    private static readonly TimeSpan JoinMax = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public string Name => "join";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        var (wall, processor, assignments) = (new List<double>(), new List<double>(), new List<double>());
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsShippedAsync(Repository.Api, folder.Path, (GroupLog, "Debug"));
        service.Lines.Watch(Assigned);
        await service.CreateTopicAsync(Topic, Members);
        // Round 0 does not count: what runs for the first time is still being compiled.
        for (var round = 0; round <= context.Rounds; round++)
        {
            var (before, meter, began) = (service.Lines.Of(Assigned), UsageMeter.Of(service.Process), Stopwatch.GetTimestamp());
            var (seconds, cores, count) = (0.0, 0.0, 0);
            await JoinAsync(service, $"joined-{round}", () =>
            {
                seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
                (cores, count) = (meter.Read().Cores, service.Lines.Of(Assigned) - before);
            });
            Console.WriteLine($"    {round} joined in {seconds:0.00} s, {cores * seconds:0.00} s of processor time, {count} assignments");
            if (round == 0)
                continue;
            wall.Add(seconds);
            processor.Add(cores * seconds);
            assignments.Add(count);
        }

        var path = $"{Members:N0} members joining one group at once";
        return
        [
            Figure.Alone($"{path}: processor time", "s", Statistics.Median(processor), Target.AtMost(0.5)),
            Figure.Alone($"{path}: assignments", "", Statistics.Median(assignments), Target.AtMost(1)),
            Figure.Alone($"{path}: until all have their partitions", "s", Statistics.Median(wall), Target.None),
        ];
    }

    private static async Task JoinAsync(Service service, string group, Action onJoined)
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Members })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{service.Port}"), Timeout = JoinMax,
        };
        using var everyone = new CancellationTokenSource();
        var held = new Dictionary<int, int>();
        // A member that has its partition goes on polling: what it has given up is free for others when its next poll says so.
        async Task PollAsync(int member)
        {
            string? cursor = null;
            while (!everyone.IsCancellationRequested)
            {
                var poll = new JsonObject { ["topics"] = new JsonArray(Topic), ["max_records"] = 1, ["wait_ms"] = WaitMs, ["cursor"] = cursor };
                using var answer = await http.PostAsJsonAsync($"/v1/groups/{group}/members/m{member:D4}/poll", poll, everyone.Token);
                var body = (await answer.Content.ReadFromJsonAsync<JsonNode>(everyone.Token))!;
                if (!answer.IsSuccessStatusCode)
                    throw new UnexpectedAnswerException($"Member {member}: {body}");
                cursor = (string?)body["cursor"];
                int[] partitions = [.. body["assignment"]!.AsArray().SelectMany(topic => topic!["partitions"]!.AsArray(), (_, one) => (int)one!)];
                lock (held)
                {
                    if (partitions.Length == 1)
                        held[member] = partitions[0];
                    else
                        held.Remove(member);
                    if (everyone.IsCancellationRequested || held.Count < Members || held.Values.Distinct().Count() < Members)
                        continue;
                    onJoined();
                    everyone.Cancel();
                }
            }
        }

        async Task JoinOneAsync(int member)
        {
            try
            {
                await PollAsync(member);
            }
            catch (OperationCanceledException) when (everyone.IsCancellationRequested)
            {
                // All have joined.
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Members).Select(JoinOneAsync));
    }
}
