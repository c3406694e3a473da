using System.CommandLine;
using System.Text.Json;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Consume;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using Spectre.Console;

namespace OrleansStream.Cli.Tail;

/// <summary>The verb <c>tail</c>: follows a topic from its end, as records or as a plot of how many come.</summary>
internal static class TailVerb
{
    private const int Height = 8, WidthMax = 120, Margin = 16;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs)
    {
        var topic = new TopicChoice("The topic to follow.");
        var plot = new Option<bool>("--plot") { Description = "Plot how many records come a second, in place of the records. In a pipe, a line a second." };
        var last = new Option<int>("--last", "-n") { Description = "Begin with the last records of each partition (default 0).", HelpName = "COUNT" };
        var format = new Option<string?>("--format", "-f") { Description = "Write by this format; 'orleansstream consume --help' has the fields.", HelpName = "FORMAT" };
        return verbs.Make("tail", "Follow a topic from its end, until Ctrl-C.", async call =>
        {
            var from = call.Get(last) > 0 ? new Position(PositionKind.BeforeEnd, call.Get(last)) : new Position(PositionKind.End);
            var request = new ConsumeRequest(topic.Read(call), from)
            {
                Follows = true,
                Filters = RecordFilters.Parse(null, null, null),
                Format = call.AsJson ? null : new RecordFormat(call.Get(format) ?? @"%p/%o %k %s\n", nullMarker: null),
            };
            var scan = new TopicScan(call, request);
            await scan.PlanAsync();
            // A plot that is drawn shows it by itself.
            if (!call.Get(plot) || !call.Screen.CanDrawResults)
                call.TellAbsence("It is asked again until it does; Ctrl-C ends that.");
            if (call.Get(plot))
                await PlotAsync(call, scan, request.Topic);
            else
                await WriteAsync(call, scan, request.Format);
            return ExitCode.Success;
        }, [.. topic.Symbols, plot, last, format]);
    }

    private static async Task WriteAsync(Call call, TopicScan scan, RecordFormat? format)
    {
        using var writer = new RecordWriter(call.Screen.Output, format);
        await scan.RunAsync(
            record =>
            {
                writer.Write(record);
                return true;
            },
            call.Screen.Flush);
    }

    private static async Task PlotAsync(Call call, TopicScan scan, string topic)
    {
        long records = 0, bytes = 0;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
        var counting = scan.RunAsync(
            record =>
            {
                Interlocked.Increment(ref records);
                Interlocked.Add(ref bytes, record.Value?.Length ?? 0);
                return true;
            },
            () => { });
        // A tail that fails ends the plot.
        _ = counting.ContinueWith(_ => over.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        var plot = new RatePlot(call.Screen.CanDrawResults ? Math.Clamp(Console.WindowWidth - Margin, 10, WidthMax) : 1);
        using var timer = new PeriodicTimer(Second, call.Time);
        try
        {
            if (!call.Screen.CanDrawResults)
            {
                await EachSecondAsync((count, length) => WriteLine(call, count, length));
                return;
            }

            await call.Screen.Drawing.Live(new Text("")).AutoClear(false).StartAsync(async live =>
                await EachSecondAsync((count, length) =>
                {
                    plot.Add(count);
                    live.UpdateTarget(Draw(plot, count is null ? $"{call.ServerName} does not answer" : $"{topic}: {count:N0} records/s, {Sizes.Bytes(length)}/s"));
                }));
        }
        catch (OperationCanceledException) when (counting.IsFaulted)
        {
            await counting;
        }

        async Task EachSecondAsync(Action<long?, long?> tell)
        {
            while (await timer.WaitForNextTickAsync(over.Token))
            {
                var (count, length) = (Interlocked.Exchange(ref records, 0), Interlocked.Exchange(ref bytes, 0));
                // What did not come from a service that does not answer was not measured.
                if (count == 0 && call.Watch.IsAway)
                    tell(null, null);
                else
                    tell(count, length);
            }
        }
    }

    private static void WriteLine(Call call, long? count, long? length)
    {
        if (call.AsJson)
        {
            JsonLines.Write(call.Screen, json =>
            {
                json.WriteString("at", call.Time.GetUtcNow());
                WriteNumber(json, "records_per_second", count);
                WriteNumber(json, "bytes_per_second", length);
            });
        }
        else
        {
            call.Screen.Results.WriteLine(count is null
                ? $"{call.Time.GetUtcNow():HH:mm:ss}Z ? records/s"
                : $"{call.Time.GetUtcNow():HH:mm:ss}Z {count} records/s {Sizes.Bytes(length)}/s");
        }

        call.Screen.Flush();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } known)
            json.WriteNumber(name, known);
        else
            json.WriteNull(name);
    }

    private static Text Draw(RatePlot plot, string heading)
    {
        var rows = plot.Rows(Height).Select((row, index) => (index == 0 ? $"{plot.Max,10:N0} ┤" : $"{"",10} │") + row);
        return new Text($"{heading}\n{string.Join('\n', rows)}\n{"",10} └ records a second (?: not known), until Ctrl-C\n");
    }
}
