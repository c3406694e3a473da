using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.JSInterop;
using OrleansStream.Contracts;

namespace OrleansStream.WebConsole.Access;

/// <summary>Who uses the console: what they have signed in with, and what they may do.</summary>
/// <remarks>What they signed in with is kept in the browser tab's session storage alone: it ends with the tab.</remarks>
/// <param name="http">Asks the service who that is; its base address is the console's.</param>
/// <param name="browser">Its storage for the tab keeps the credential.</param>
public sealed class Session(HttpClient http, IJSRuntime browser)
{
    private const string Storage = "orleansstream.credential";

    /// <summary>What the service says of how people sign in; null until it is known.</summary>
    public ConsoleSettings? Settings { get; private set; }

    /// <summary>An API key or a token; null where nobody has signed in.</summary>
    public string? Credential { get; private set; }

    /// <summary>Who that is; null until somebody has signed in.</summary>
    public CallerAnswer? Caller { get; private set; }

    /// <summary>Why nobody is signed in; null for no reason.</summary>
    public string? Reason { get; private set; }

    /// <summary>Somebody has signed in, or out.</summary>
    public event Action? Changed;

    /// <summary>Finds out how people sign in, and who has.</summary>
    /// <exception cref="HttpRequestException">The service cannot be reached.</exception>
    public async Task OpenAsync()
    {
        Settings ??= JsonSerializer.Deserialize(await http.GetStringAsync("settings.json"), ApiJsonContext.Api.ConsoleSettings);
        var kept = await browser.InvokeAsync<string?>("sessionStorage.getItem", Storage);
        if (Settings is { SignIn: false } || kept is not null)
            await SignInAsync(kept);
        else
            Changed?.Invoke();
    }

    /// <summary>Signs in.</summary>
    /// <param name="credential">An API key or a token; null where nobody has to.</param>
    /// <returns>Why not; null when it is done.</returns>
    /// <exception cref="HttpRequestException">The service cannot be reached.</exception>
    public async Task<string?> SignInAsync(string? credential)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "../v1/access/me");
        if (credential is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        if (!response.IsSuccessStatusCode)
        {
            await ForgetAsync();
            Reason = ReasonOf(text, (int)response.StatusCode);
            Changed?.Invoke();
            return Reason;
        }

        (Credential, Reason) = (credential, null);
        Caller = JsonSerializer.Deserialize(text, ApiJsonContext.Api.CallerAnswer);
        if (credential is not null)
            await browser.InvokeVoidAsync("sessionStorage.setItem", Storage, credential);
        Changed?.Invoke();
        return null;
    }

    /// <summary>Signs out.</summary>
    public async Task SignOutAsync()
    {
        await ForgetAsync();
        Reason = null;
        Changed?.Invoke();
    }

    /// <summary>The service no longer takes what the user has signed in with.</summary>
    /// <param name="reason">What the service said.</param>
    public void End(string reason)
    {
        if (Caller is null)
            return;
        (Credential, Caller, Reason) = (null, null, reason);
        _ = ForgetAsync();
        Changed?.Invoke();
    }

    /// <summary>Tells whether the user may do something; what the user may not is not offered.</summary>
    /// <param name="operation"><c>describe</c>, <c>read</c>, <c>write</c>, <c>manage</c> or <c>admin</c>.</param>
    /// <param name="resource"><c>topic</c>, <c>group</c> or <c>cluster</c>.</param>
    /// <param name="name">The name; null for any one of them.</param>
    public bool May(string operation, string resource, string? name = null)
    {
        // The service's own topics can be read by whoever administers it, and written by nobody.
        if (resource == "topic" && name?.StartsWith("__", StringComparison.Ordinal) == true)
            return operation is "describe" or "read" && May("admin", "cluster");
        return Caller?.Rights.Any(right => right.Resource == resource && right.Operations.Contains(operation)
            && (name is null || right.Name is null || (right.Pattern == "prefix" ? name.StartsWith(right.Name, StringComparison.Ordinal) : name == right.Name))) == true;
    }

    private async Task ForgetAsync()
    {
        (Credential, Caller) = (null, null);
        await browser.InvokeVoidAsync("sessionStorage.removeItem", Storage);
    }

    private static string ReasonOf(string text, int status)
    {
        try
        {
            return JsonSerializer.Deserialize(text, ApiJsonContext.Api.Problem)!.Detail;
        }
        catch (JsonException)
        {
            return $"The service answered {status}.";
        }
    }
}
