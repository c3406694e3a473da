using Spectre.Console;

namespace OrleansStream.Cli.Terminal;

/// <summary>A line of progress on standard error, while something is under way. It is gone afterwards, and a pipe never sees it.</summary>
internal static class Drawing
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(200);

    /// <summary>Draws progress while work is done.</summary>
    /// <param name="screen">Draws on standard error, where that is a terminal.</param>
    /// <param name="time">Times the steps at which it is drawn anew.</param>
    /// <param name="total">What is to be done, in any unit; null when nobody knows.</param>
    /// <param name="describe">What is done, in that unit, and a text for people.</param>
    /// <param name="work">The work; what it throws is thrown on.</param>
    /// <param name="isWanted">False to do the work without drawing.</param>
    public static async Task WithProgressAsync(
        Screen screen, TimeProvider time, double? total, Func<(double Done, string Text)> describe, Func<Task> work, bool isWanted = true)
    {
        if (!isWanted || !screen.CanDraw)
        {
            await work();
            return;
        }

        ProgressColumn[] columns = total is null
            ? [new SpinnerColumn(), new TaskDescriptionColumn()]
            : [new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn()];
        try
        {
            await DrawAsync(screen, time, total, describe, work, columns);
        }
        finally
        {
            screen.IsDrawing = false;
        }
    }

    private static Task DrawAsync(
        Screen screen, TimeProvider time, double? total, Func<(double Done, string Text)> describe, Func<Task> work, ProgressColumn[] columns) =>
        screen.Side.Progress().AutoClear(true).Columns(columns).StartAsync(async context =>
        {
            var bar = context.AddTask(Markup.Escape(describe().Text), maxValue: Math.Max(1, total ?? 1));
            bar.IsIndeterminate = total is null;
            screen.IsDrawing = true;
            var working = work();
            using var timer = new PeriodicTimer(Step, time);
            while (await Task.WhenAny(working, timer.WaitForNextTickAsync().AsTask()) != working)
            {
                var (done, text) = describe();
                bar.Value = done;
                bar.Description = Markup.Escape(text);
            }

            await working;
        });
}
