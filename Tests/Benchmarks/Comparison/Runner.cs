using OrleansStream.Comparison.Reporting;
using OrleansStream.Comparison.Rows;

namespace OrleansStream.Comparison;

/// <summary>Runs the rows one after another and writes the page.</summary>
internal static class Runner
{
    private static readonly IRow[] AllRows =
    [
        new MachineRow(), new DiskRow(), new JsonBatchesRow(), new ShareOfKestrelRow(), new EncodedBatchesRow(), new SingleRecordsRow(),
        new SignInRow(), new MetricsRow(), new TracesRow(), new FetchRow(), new LatencyRow(),
        new ClientRow(), new KafkaProduceRow(), new KafkaConsumeRow(), new KafkaRawRow(), new KafkaIdleRow(),
        new StartRow(), new ManyPartitionsRow(), new JoinRow(),
        new RecoveryRow(), new MemoryRow(), new BlobWritesRow(), new TwoProcessesRow(),
    ];

    /// <summary>Runs what is asked for.</summary>
    /// <param name="arguments">What.</param>
    /// <returns>False when a row failed; the others stand.</returns>
    public static async Task<bool> RunAsync(Arguments arguments)
    {
        var context = new RunContext(arguments.IsQuick, arguments.OtherBuild);
        var figures = new List<Figure>();
        var isComplete = true;
        foreach (var name in arguments.Rows.Where(name => !Array.Exists(AllRows, row => row.Name == name)))
        {
            context.Note($"There is no row '{name}': there are {string.Join(", ", AllRows.Select(row => row.Name))}.");
            isComplete = false;
        }

        // What kind of machine it is stands before whatever was measured on it.
        foreach (var row in AllRows.Where(row => row is MachineRow || arguments.Rows.Count == 0 || arguments.Rows.Contains(row.Name)))
        {
            Console.WriteLine($"{row.Name}:");
            try
            {
                figures.AddRange(await row.RunAsync(context));
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                // A row that fails has no figures; it must not take those of the others along.
                context.Note($"Row '{row.Name}' failed: {exception.Message}");
                isComplete = false;
            }
        }

        var table = Page.Table(figures);
        Console.WriteLine();
        Console.WriteLine(table);
        foreach (var note in context.Notes)
            Console.WriteLine(note);
        if (arguments.JsonFile is { } json)
            await File.WriteAllTextAsync(json, Page.Json(figures, context.Notes));
        if (arguments.PageFile is { } page)
            await File.WriteAllTextAsync(page, table);
        return isComplete;
    }
}
