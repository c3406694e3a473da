using Microsoft.AspNetCore.Components;
using OrleansStream.WebConsole.Access;
using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Parts;

/// <summary>A page, or a part of one, that shows what it has asked the service. While it asks again, it shows what it knew before.</summary>
public abstract class LoadingPage : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _left = new();
    private CancellationTokenSource? _wanted;
    private string? _shownSubject;
    private PeriodicTimer? _timer;
    private ApiException? _refusedLoad;
    private ApiException? _refusedWork;

    /// <summary>The page is about to be shown.</summary>
    protected LoadingPage() => Left = _left.Token;

    /// <summary>Calls the service on behalf of whoever has signed in.</summary>
    [Inject]
    public StreamApi Api { get; set; } = null!;

    /// <summary>Who uses the console, and what they may do.</summary>
    [Inject]
    public Session Session { get; set; } = null!;

    /// <summary>The address that the browser shows, and the way to other pages.</summary>
    [Inject]
    public NavigationManager Navigation { get; set; } = null!;

    /// <summary>The clock that waits are timed by.</summary>
    [Inject]
    public TimeProvider Clock { get; set; } = null!;

    /// <summary>What the service refused last; null for nothing.</summary>
    protected ApiException? Failure => _refusedWork ?? _refusedLoad;

    /// <summary>True once there is something to show.</summary>
    protected bool IsLoaded { get; private set; }

    /// <summary>True while the service does what the user has asked for.</summary>
    protected bool IsBusy { get; private set; }

    /// <summary>Is cancelled when the user leaves the page.</summary>
    protected CancellationToken Left { get; }

    /// <summary>How often the page asks again by itself; null for never.</summary>
    protected virtual TimeSpan? RefreshPeriod => null;

    /// <summary>What the page is about, such as the name of a topic; null for pages about no one thing.</summary>
    protected virtual string? Subject => null;

    /// <summary>Asks the service for what the page shows.</summary>
    /// <param name="wanted">
    /// Is cancelled when the page closes or loads again. An answer that comes afterwards is out of date, because answers can overtake each other, and
    /// must not be shown.
    /// </param>
    protected abstract Task LoadAsync(CancellationToken wanted);

    /// <summary>The page gets another subject: what is known of the one before must not be shown under the new one's name.</summary>
    protected virtual void Forget()
    {
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_shownSubject != Subject)
        {
            (_shownSubject, IsLoaded, _refusedLoad, _refusedWork) = (Subject, false, null, null);
            Forget();
        }

        await ReloadAsync();
        if (RefreshPeriod is not { } period || Left.IsCancellationRequested)
            return;
        if (_timer is null)
            _ = RefreshAsync(_timer = new PeriodicTimer(period, Clock));
        else
            _timer.Period = period;
    }

    /// <summary>Asks the service again. An answer to an earlier question that is still to come is not shown.</summary>
    protected async Task ReloadAsync()
    {
        _wanted?.Cancel();
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(Left);
        _wanted = wanted;
        try
        {
            await LoadAsync(wanted.Token);
            (IsLoaded, _refusedLoad) = (true, null);
        }
        catch (ApiException exception) when (!wanted.IsCancellationRequested)
        {
            _refusedLoad = exception;
        }
        catch (Exception exception) when (exception is OperationCanceledException or ApiException)
        {
            // The user has left, or the page has asked again.
        }
        finally
        {
            if (_wanted == wanted)
                _wanted = null;
        }
    }

    /// <summary>Does what the user has asked for, then asks the service again.</summary>
    /// <param name="work">Calls the service; a refusal is shown as <see cref="Failure"/>. While other work is under way, it is not done.</param>
    protected async Task RunAsync(Func<Task> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (IsBusy)
            return;
        (IsBusy, _refusedWork) = (true, null);
        try
        {
            await work();
            await ReloadAsync();
        }
        catch (ApiException exception)
        {
            _refusedWork = exception;
        }
        catch (OperationCanceledException)
        {
            // The user has left.
        }
        finally
        {
            IsBusy = false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Cancel();
        _left.Dispose();
        Leave();
        GC.SuppressFinalize(this);
    }

    /// <summary>The user has left the page.</summary>
    protected virtual void Leave()
    {
    }

    private async Task RefreshAsync(PeriodicTimer timer)
    {
        using var disposed = timer;
        try
        {
            var left = Left;
            while (await timer.WaitForNextTickAsync(left))
            {
                timer.Period = RefreshPeriod ?? timer.Period;
                if (IsBusy)
                    continue;
                await ReloadAsync();
                StateHasChanged();
            }
        }
        catch (OperationCanceledException)
        {
            // The user has left.
        }
        catch (ObjectDisposedException)
        {
            // The user has left between two ticks.
        }
    }
}
