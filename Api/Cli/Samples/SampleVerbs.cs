using System.CommandLine;
using System.Text.Json;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Produce;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;

namespace OrleansStream.Cli.Samples;

/// <summary>The verb <c>sample</c>: plays events, so that there is something to see.</summary>
internal static class SampleVerbs
{
    private const int SpeedDefault = 10, SpeedMax = 10_000, PartitionsDefault = 6, TicksPerSecondMax = 1_000;

    private static readonly TimeSpan DeliveryTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) => VerbMaker.Group("sample", "Play events, so that there is something to see.", MakeWorldCup(verbs));

    private static Command MakeWorldCup(VerbMaker verbs)
    {
        var topic = new Option<string>("--topic", "-t") { Description = "Where to (default matches). It is made when it is missing.", HelpName = "NAME", DefaultValueFactory = _ => "matches" };
        var speed = new Option<int>("--speed")
        {
            Description = $"Events a second, 1 to {SpeedMax} (default {SpeedDefault}).", HelpName = "EVENTS", DefaultValueFactory = _ => SpeedDefault,
        };
        var partitions = new Option<int>("--partitions", "-p")
        {
            Description = $"The partitions of a topic that is made (default {PartitionsDefault}).", HelpName = "COUNT", DefaultValueFactory = _ => PartitionsDefault,
        };
        var loop = new Option<bool>("--loop") { Description = "Begin again at the end, until Ctrl-C." };
        return verbs.Make("world-cup", "Play the events of 48 football matches in their order, each event with its match as the key.", async call =>
        {
            if (call.Get(speed) is < 1 or > SpeedMax)
                throw CallException.Usage($"--speed must be from 1 to {SpeedMax}.");
            var name = call.Get(topic)!;
            await EnsureAsync(call, name, call.Get(partitions));
            var lines = await File.ReadAllLinesAsync(Path.Join(AppContext.BaseDirectory, "samples", "world-cup.ndjson"), call.Stop);
            var played = 0L;
            var ended = false;
            await using var producer = call.Client.CreateProducer(
                name, options => (options.Gapless, options.DeliveryTimeout) = (true, DeliveryTimeout));
            call.TellAbsence($"Events wait for it, up to {Durations.TextOf(DeliveryTimeout)}; Ctrl-C ends that.");
            StreamServiceException? failure = null;
            await Drawing.WithProgressAsync(
                call.Screen, call.Time, call.Get(loop) ? null : lines.Length, () => (played, $"{Sizes.Records(played)} of {name}"),
                async () =>
                {
                    // A timer ticks a thousand times a second at most.
                    var eventsPerTick = (call.Get(speed) + TicksPerSecondMax - 1) / TicksPerSecondMax;
                    using var pace = new PeriodicTimer(TimeSpan.FromSeconds((double)eventsPerTick / call.Get(speed)), call.Time);
                    while (!ended)
                    {
                        foreach (var line in lines)
                        {
                            await PlayAsync(call, producer, line, ++played, result => failure ??= result.Error);
                            if (failure is not null)
                                throw failure;
                            if (played % eventsPerTick == 0)
                                await pace.WaitForNextTickAsync(call.Stop);
                        }

                        ended = !call.Get(loop);
                    }

                    await producer.FlushAsync(call.Stop);
                    if (failure is not null)
                        throw failure;
                },
                isWanted: !call.Screen.IsOutputTerminal);
            if (!call.AsJson)
                call.Screen.Tell($"{Sizes.Records(played)} played. 'orleansstream consume {name} --key-filter argentina-brazil' shows a match.");
            return ExitCode.Success;
        }, topic, speed, partitions, loop);
    }

    private static async Task PlayAsync(Call call, StreamProducer producer, string line, long number, Action<SendResult> delivered)
    {
        await producer.EnqueueAsync(JsonRecords.Parse(System.Text.Encoding.UTF8.GetBytes(line), number), delivered, call.Stop);
        if (call.AsJson)
        {
            await call.Screen.Results.WriteLineAsync(line);
        }
        else if (call.Screen.IsOutputTerminal)
        {
            using var document = JsonDocument.Parse(line);
            var value = document.RootElement.GetProperty("value");
            await call.Screen.Results.WriteLineAsync(
                $"{value.GetProperty("minute").GetInt32(),3}' {document.RootElement.GetProperty("key").GetString(),-24} {value.GetProperty("event").GetString(),-14} {value.GetProperty("score").GetString()}");
        }

        call.Screen.Flush();
    }

    private static async Task EnsureAsync(Call call, string topic, int partitions)
    {
        await foreach (var known in call.Admin.Topics.ListAsync(topic, call.Stop))
        {
            if (known.Name == topic)
                return;
        }

        await call.Admin.Topics.CreateAsync(topic, partitions, cancellationToken: call.Stop);
        call.Screen.Tell($"The topic {topic} is made, with {Sizes.Partitions(partitions)}.");
    }
}
